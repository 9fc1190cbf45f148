package clienttest

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
)

// ProposeNewcomer admits an institution's operator and proposes that its node takes the place of the last one. The
// proposal waits for the newcomer's approval, whose client is returned.
func (w *World) ProposeNewcomer(name string) (newcomer *client.Client, fresh catalog.Node) {
	w.Helper()
	operator := w.Client(catalog.RoleOperator)
	key, err := client.NewKey(name)
	w.Must(err)
	_, err = govern.AddPrincipal(w.Ctx, operator, key.Public(), catalog.RoleOperator)
	w.Must(err)
	node, err := client.NewKey(name + "'s node")
	w.Must(err)
	_, sealing, err := seal.GenerateKey()
	w.Must(err)
	cluster, err := operator.Cluster(w.Ctx)
	w.Must(err)
	fresh = cluster.Nodes[len(cluster.Nodes)-1]
	goes := fresh.ID
	fresh.ID, fresh.Institution, fresh.Operator = "bank", name, key.Public().Key
	fresh.Key, fresh.Sealing, fresh.Addr, fresh.API = node.Public().Key, sealing, "bank.example:9000", "https://bank.example:9001"
	_, err = govern.ProposeRoster(w.Ctx, operator, 0, []string{goes}, []catalog.Node{fresh})
	w.Must(err)
	newcomer, err = client.New(w.Profile, key, w.Options())
	w.Must(err)
	w.Cleanup(newcomer.Close)
	return newcomer, fresh
}
