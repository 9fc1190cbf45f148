// Package auditor is what a desk does for those who check: it says what a receipt proves, against the profile that pins
// the cluster and nothing else. No node is asked, and no key is needed.
package auditor

import (
	"context"

	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/desk/route"
)

// Auditor answers what an auditor's page asks.
type Auditor struct{ profile func() client.Profile }

// New returns the auditor's part of a desk, with the profile as it is at the time.
func New(profile func() client.Profile) *Auditor { return &Auditor{profile} }

// Routes are what the page and notebooks may ask.
func (a *Auditor) Routes() []route.Route {
	return []route.Route{
		route.New("POST", "/api/receipts/verify", "What a receipt proves, without asking any node", route.Reads, a.verify).
			WithBody(evidence.MaxReceiptBytes/3*4 + 1024), // base64
	}
}

// Receipt is a receipt as a file has it.
type Receipt struct {
	Receipt []byte `json:"receipt"` // in base64
}

// Verified is what a receipt proves.
type Verified struct {
	Words  []string      `json:"words"`
	Proven *audit.Proven `json:"proven"`
}

func (a *Auditor) verify(ctx context.Context, in struct{ Body Receipt }) (Verified, error) {
	if len(in.Body.Receipt) == 0 {
		return Verified{}, route.BadField("receipt", "the file is empty", "drop a receipt, such as nox.tlog-proof")
	}
	p, err := audit.VerifyReceipt(a.profile(), in.Body.Receipt)
	if err != nil {
		return Verified{}, err
	}
	return Verified{Words: p.Words(route.Language(ctx)), Proven: p}, nil
}
