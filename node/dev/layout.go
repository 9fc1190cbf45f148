package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// Principals of a dev cluster, and the names under which they are admitted.
const (
	Bureau   = "bureau"
	Buyer    = "buyer"
	Operator = "operator"
)

// layout knows the paths in a directory.
type layout struct{ dir string }

func (l layout) key(principal string) string { return filepath.Join(l.dir, "keys", principal+".key") }
func (l layout) genesis() string             { return filepath.Join(l.dir, "genesis.json") }
func (l layout) ready() string               { return filepath.Join(l.dir, "ready.json") }
func (l layout) lock() string                { return filepath.Join(l.dir, "lock") }
func (l layout) node(id string) string       { return filepath.Join(l.dir, "nodes", id) }
func (l layout) sealKey(id string) string    { return l.node(id) + ".seal-key" }
func (l layout) log(id string) string        { return l.node(id) + ".log" }
func (l layout) pid(id string) string        { return l.node(id) + ".pid" }

// found makes the directory of a new cluster with a node on each host. The founding is
// written last: a directory without one is begun anew.
func (l layout) found(ctx context.Context, hosts []string, threshold int) (g founding.Genesis, err error) {
	if err := os.RemoveAll(filepath.Join(l.dir, "nodes")); err != nil {
		return g, fmt.Errorf("clear a founding that was interrupted: %w", err)
	}
	for _, d := range []string{"keys", "nodes"} {
		if err := os.MkdirAll(filepath.Join(l.dir, d), 0o700); err != nil {
			return g, fmt.Errorf("make the cluster's directory: %w", err)
		}
	}
	for _, p := range []string{Bureau, Buyer, Operator} {
		if err := l.makeKey(p); err != nil {
			return g, err
		}
	}
	operator, err := client.LoadKey(l.key(Operator))
	if err != nil {
		return g, err
	}
	public := operator.Public()
	body := catalog.InitBody{Name: "dev", Threshold: threshold, Operator: catalog.PrincipalAdd{
		Name: public.Name, Role: catalog.RoleOperator, Key: public.Key, Receiving: public.Receiving,
	}}
	ports, err := FreePorts(2 * len(hosts))
	if err != nil {
		return g, err
	}
	// The steps are those of a cluster of institutions that do not trust each other; here one
	// operator holds all seats.
	var cards []founding.Card
	for i, host := range hosts {
		n := founding.Card{
			ID: fmt.Sprintf("n%d", i+1), Institution: public.Name, Operator: public.Key,
			Addr: net.JoinHostPort(host, strconv.Itoa(ports[2*i])), API: "https://" + net.JoinHostPort(host, strconv.Itoa(ports[2*i+1])),
		}
		if err := vault.NewKeyFile(l.sealKey(n.ID)); err != nil {
			return g, err
		}
		if n, err = founding.Init(ctx, l.node(n.ID), founding.SealKey{File: l.sealKey(n.ID)}, n); err != nil {
			return g, err
		}
		cards = append(cards, n)
	}
	if g, err = founding.Found(operator.Signing(), time.Now().UnixMilli(), body, cards); err != nil {
		return g, err
	}
	if g, err = g.SignedBy(operator.Signing()); err != nil {
		return g, err
	}
	for _, card := range cards {
		if err := g.CheckMember(card); err != nil {
			return g, err
		}
	}
	return g, g.Install(l.genesis())
}

// makeKey makes a principal's key unless it is there.
func (l layout) makeKey(principal string) error {
	if _, err := os.Stat(l.key(principal)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	k, err := client.NewKey(principal)
	if err != nil {
		return err
	}
	return k.Save(l.key(principal))
}

// Ports of nodes are drawn from below the range from which systems take ports for
// outgoing connections (from 32768 on, or 49152): a node that is down must find its own
// free when it comes back.
const (
	firstPort = 20000
	portCount = 12768
)

// FreePorts draws loopback ports that nobody listens on. All are held until the last is
// known, so that no two are the same.
func FreePorts(n int) (ports []int, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			err = errors.Join(err, l.Close())
		}
	}()
	for tries := 0; len(ports) < n; tries++ {
		k, err := rand.Int(rand.Reader, big.NewInt(portCount))
		if err != nil {
			return nil, fmt.Errorf("draw a port: %w", err)
		}
		port := firstPort + int(k.Int64())
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			if tries < 64*n {
				continue // taken
			}
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		held, ports = append(held, l), append(ports, port)
	}
	return ports, nil
}

// Pinned returns the profile of the cluster in a directory, whether it runs or
// not: what its founding names.
func Pinned(dir string) (client.Profile, error) {
	g, err := founding.ReadGenesis(layout{dir}.genesis())
	if err != nil {
		return client.Profile{}, err
	}
	body, err := g.Body()
	if err != nil {
		return client.Profile{}, err
	}
	if len(body.Nodes) == 0 {
		return client.Profile{}, fmt.Errorf("the founding in %s names no node", dir)
	}
	return client.Pin(g.Cluster(), body), nil
}
