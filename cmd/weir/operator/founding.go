package operator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/founding"
)

func newFoundCommand(a *cli.App) *cobra.Command {
	var name, out string
	var threshold int
	cmd := &cobra.Command{
		Use:   "found --name NAME --threshold T --out FILE CARD…",
		Short: "make the founding of a cluster from the cards of its nodes",
		Long: `Makes the founding of a cluster, signed with your key: its nodes are those of the
cards that weir node init printed, in the order given. One of them names you as its
operator. As many nodes as the threshold open results together; fewer never can.

It prints the roster and the cluster's id. Every institution with a seat compares
them with you by phone and signs the file with weir operator sign; then every node
takes it with weir node accept. All of that has to be done within 30 days.`,
		Example: "  weir operator found --name hengshui --threshold 2 --key bureau.key --out genesis.json n1.card n2.card n3.card",
		Args:    cli.AtLeast(2, "the card of each node, two or more"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" || threshold == 0 || out == "" {
				return cli.Usagef(cmd, "--name, --threshold and --out are needed")
			}
			return found(a, name, threshold, out, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "the cluster's name")
	f.IntVar(&threshold, "threshold", 0, "how many nodes open results together, at least 2")
	f.StringVar(&out, "out", "", "file to write the founding to; it must not exist")
	return cli.CompleteFiles(cmd, "card", "json")
}

func found(a *cli.App, name string, threshold int, out string, files []string) error {
	if err := checkNew(out); err != nil {
		return err
	}
	key, err := a.LoadKey(cli.Operator)
	if err != nil {
		return err
	}
	var cards []founding.Card
	for _, file := range files {
		card, err := founding.ReadCard(file)
		if err != nil {
			return err
		}
		cards = append(cards, card)
	}
	public := key.Public()
	g, err := founding.Found(key.Signing(), time.Now().UnixMilli(), catalog.InitBody{
		Name: name, Threshold: threshold,
		Operator: catalog.PrincipalAdd{Name: public.Name, Role: catalog.RoleOperator, Key: public.Key, Receiving: public.Receiving},
	}, cards)
	if err != nil {
		return err
	}
	body, err := g.Body()
	if err != nil {
		return err
	}
	if err := g.WriteFile(out); err != nil {
		return err
	}
	if err := printFounding(a, g, body); err != nil {
		return err
	}
	return noteNext(a, g, out)
}

func newSignCommand(a *cli.App) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "sign GENESIS",
		Short: "sign a founding for the seats of your institution",
		Long: `Checks a founding, prints its roster, says which seats are yours, and adds your
signature to the file. Look first, with --check, and compare the roster and the
cluster's id with the founder by phone. No node starts before the operators of all
seats have signed.`,
		Example: "  weir operator sign genesis.json --key exchange.key --check\n  weir operator sign genesis.json --key exchange.key",
		Args:    cli.Exactly(1, "the founding"),
		RunE: func(_ *cobra.Command, args []string) error {
			return sign(a, args[0], check)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "print and check it, and do not sign")
	return cli.CompleteFiles(cmd, "json")
}

func sign(a *cli.App, file string, check bool) error {
	key, err := a.LoadKey(cli.Operator)
	if err != nil {
		return err
	}
	g, err := founding.ReadDraft(file)
	if err != nil {
		return err
	}
	signed, err := g.SignedBy(key.Signing())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	body, err := g.Body()
	if err != nil {
		return err
	}
	already := len(signed.Signatures) == len(g.Signatures)
	if until := expiry(g); !already && time.Now().After(until) {
		return fmt.Errorf("%s: no ledger takes this founding since %s: have its founder make it anew", file, until.Format(time.DateOnly))
	}
	if !check {
		if !already {
			if err := signed.WriteFile(file); err != nil {
				return err
			}
		}
		g = signed
	}
	if err := printFounding(a, g, body); err != nil {
		return err
	}
	var seats []string
	for _, n := range founding.SeatsOf(body, key.Public().Key) {
		seats = append(seats, n.ID)
	}
	a.Note("your institution's: %s", strings.Join(seats, ", "))
	switch {
	case already:
		a.Note("your signature is there already")
	case check:
		a.Note("it is not signed; `weir operator sign %s` does that, when roster and id are those that the founder reads to you", file)
	}
	return noteNext(a, g, file)
}

// noteNext says who has to sign a founding, or that it can go to the nodes.
func noteNext(a *cli.App, g founding.Genesis, file string) error {
	missing, err := g.Unsigned()
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		a.Note("all have signed; on each node's machine: `weir node accept %s --config node.yaml`, and start it before %s", file, expiry(g).Format(time.DateOnly))
		return nil
	}
	var who []string
	for _, n := range missing {
		who = append(who, n.Institution)
	}
	a.Note("to sign it with `weir operator sign %s`: %s", file, strings.Join(who, ", "))
	return nil
}

func newProfileCommand(a *cli.App) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "profile GENESIS",
		Short: "print the profile by which clients know a cluster",
		Long: `Makes the profile of a cluster from its founding, for publishers, buyers and
auditors: the cluster's id, and the address and key of every node. They give it
with --profile. Whoever has it believes no other cluster.`,
		Example: "  weir operator profile genesis.json --out hengshui.json",
		Args:    cli.Exactly(1, "the founding"),
		RunE: func(_ *cobra.Command, args []string) error {
			g, _, err := readSigned(args[0])
			if err != nil {
				return err
			}
			rosters, err := g.Rosters()
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			profile := client.PinRosters(rosters)
			if out == "" {
				return a.PrintJSON(profile)
			}
			if err := checkNew(out); err != nil {
				return err
			}
			b, err := json.MarshalIndent(profile, "", "  ")
			if err != nil {
				return fmt.Errorf("encode the profile: %w", err)
			}
			return writeNew(out, append(b, '\n'))
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write the profile to; it must not exist (default: stdout)")
	return cli.CompleteFiles(cmd, "json")
}

// readSigned reads and checks a founding that all have signed.
func readSigned(file string) (founding.Genesis, catalog.InitBody, error) {
	g, err := founding.ReadGenesis(file)
	if err != nil {
		return g, catalog.InitBody{}, err
	}
	body, err := g.Check()
	if err != nil {
		return g, body, fmt.Errorf("%s: %w", file, err)
	}
	return g, body, nil
}

// foundingDocument is a founding as -o json prints it.
type foundingDocument struct {
	Cluster   string         `json:"cluster"`
	Name      string         `json:"name"`
	Threshold int            `json:"threshold"`
	StartBy   int64          `json:"start_by"` // Unix milliseconds
	Seats     []seatDocument `json:"seats"`
}

// seatDocument is a seat: its node, and who holds it. Point is 0 for one that was given up.
type seatDocument struct {
	Point       int    `json:"point"`
	Node        string `json:"node"`
	Institution string `json:"institution"`
	Operator    string `json:"operator"`         // a principal's id
	Signed      *bool  `json:"signed,omitempty"` // of a founding
	Addr        string `json:"addr"`
	API         string `json:"api"`
	Key         string `json:"key"` // its fingerprint
}

// seatOf is the seat of a node, at a point.
func seatOf(n catalog.Node, point int) seatDocument {
	return seatDocument{
		Point: point, Node: n.ID, Institution: n.Institution, Operator: catalog.PrincipalID(n.Operator), Addr: n.Addr, API: n.API, Key: founding.Fingerprint(n.Key),
	}
}

// printFounding prints the roster, and for people the cluster's id in a form that is read aloud.
func printFounding(a *cli.App, g founding.Genesis, body catalog.InitBody) error {
	missing, err := g.Unsigned()
	if err != nil {
		return err
	}
	rosters, err := g.Rosters()
	if err != nil {
		return err
	}
	now := rosters[len(rosters)-1]
	nodes := now.Nodes
	d := foundingDocument{Cluster: g.Cluster().String(), Name: body.Name, Threshold: now.Threshold, StartBy: expiry(g).UnixMilli()}
	t := term.Table{Head: []string{"point", "node", "institution", "operator", "signed", "for nodes", "for clients", "key"}}
	for _, n := range nodes {
		s := seatOf(n, n.Point)
		s.Signed = new(!slices.ContainsFunc(missing, func(m catalog.Node) bool { return catalog.PrincipalID(m.Operator) == s.Operator }))
		d.Seats = append(d.Seats, s)
		t.Add(strconv.Itoa(s.Point), s.Node, s.Institution, s.Operator, cli.YesNo(*s.Signed), s.Addr, s.API, s.Key)
	}
	if err := a.Print(d, t); err != nil {
		return err
	}
	a.Note("cluster %s: %d of its %d nodes open results together; its id, to compare by phone, is\n%s",
		body.Name, now.Threshold, len(nodes), readAloud(d.Cluster))
	warnOfHosts(a, nodes, now.Threshold)
	warnOfOperators(a, nodes, now.Threshold)
	return nil
}

// warnOfHosts says where as many nodes as open results are on one host: whoever has that
// machine has the keys, and when it is lost they are. Nodes on this machine alone are a trial.
func warnOfHosts(a *cli.App, nodes []catalog.Node, threshold int) {
	at := map[string][]string{}
	for _, n := range nodes {
		if host, _, err := net.SplitHostPort(n.Addr); err == nil {
			at[host] = append(at[host], n.ID)
		}
	}
	for _, host := range slices.Sorted(maps.Keys(at)) {
		if ip := net.ParseIP(host); len(at[host]) >= threshold && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			a.Note("warning: %s are on one host, %s: whoever has it has every key, and when it is lost, so are they",
				strings.Join(at[host], ", "), shown.Text(host))
		}
	}
}

// warnOfOperators says where one institution has as many nodes as open results.
func warnOfOperators(a *cli.App, nodes []catalog.Node, threshold int) {
	of := map[string][]string{}
	for _, n := range nodes {
		of[n.Institution] = append(of[n.Institution], n.ID)
	}
	for _, who := range slices.Sorted(maps.Keys(of)) {
		if len(of[who]) >= threshold && len(of) > 1 {
			a.Note("warning: %s are all of %s, which can open everything alone", strings.Join(of[who], ", "), shown.Text(who))
		}
	}
}

// readAloud is an id in groups of eight digits.
func readAloud(id string) string {
	var groups []string
	for group := range slices.Chunk([]byte(id), 8) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, " ")
}

// expiry is until when a ledger takes the founding.
func expiry(g founding.Genesis) time.Time {
	p, err := catalog.ParsePayload(g.Envelope.Payload)
	if err != nil {
		return time.Time{} // checked before
	}
	return time.UnixMilli(p.Expires).UTC()
}
