package operator

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/desk/route"
)

// Principals answers GET /api/principals.
type Principals struct {
	Principals []Principal `json:"principals"`
}

// Principal is an admitted organisation.
type Principal struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	Admitted int64  `json:"admitted"`
}

func (o *Operator) principals(ctx context.Context, _ none) (Principals, error) {
	if o.client.Key() == nil {
		return Principals{}, client.ErrNoKey
	}
	all, err := client.Principals.All(ctx, o.client)
	if err != nil {
		return Principals{}, err
	}
	out := Principals{Principals: []Principal{}}
	for _, p := range all {
		out.Principals = append(out.Principals, Principal{p.ID, p.Name, string(p.Role), p.Admitted})
	}
	return out, nil
}

// KeyFile is the file of a public key, and who its owner is to be.
type KeyFile struct {
	Name string `json:"name"` // of the file
	File []byte `json:"file"` // in base64
	Role string `json:"role,omitempty"`
}

// read reads the public key.
func (f KeyFile) read() (client.PublicKey, error) {
	p, err := client.ReadPublicKey(fmt.Sprintf("%.80s", f.Name), f.File)
	if err != nil {
		return p, route.BadField("file", err.Error(), "give the file that ends in .pub, which `weir keygen` writes beside the private key")
	}
	return p, nil
}

// Owner is whose public key it is, as the file says: compare the id with the organisation, by phone.
type Owner struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Receives: it has a key to which answers are sealed, as buyers need.
	Receives bool `json:"receives"`
}

func (o *Operator) readKey(_ context.Context, in struct{ Body KeyFile }) (Owner, error) {
	p, err := in.Body.read()
	if err != nil {
		return Owner{}, err
	}
	return Owner{catalog.PrincipalID(p.Key), p.Name, len(p.Receiving) > 0}, nil
}

func (o *Operator) admit(ctx context.Context, in struct{ Body KeyFile }) (Principal, error) {
	p, err := in.Body.read()
	if err != nil {
		return Principal{}, err
	}
	switch role := catalog.Role(in.Body.Role); role {
	case catalog.RoleBuyer, catalog.RolePublisher, catalog.RoleOperator:
		id, err := govern.AddPrincipal(ctx, o.client, p, role)
		return Principal{ID: id, Name: p.Name, Role: in.Body.Role}, err
	}
	return Principal{}, route.BadField("role", fmt.Sprintf("%.20q is no role", in.Body.Role), "take buyer, publisher or operator")
}
