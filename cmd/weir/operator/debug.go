package operator

import (
	"archive/zip"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/unixsocket"
)

// debugWait is how long one part of a bundle may take.
const debugWait = 30 * time.Second

func newDebugCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var out, socket string
	cmd := &cobra.Command{
		Use: "debug", Short: "collect what somebody needs who looks for a fault",
		Long: `Writes an archive of what every node says of itself and of the cluster, for
whoever is asked for help. On a node's machine it has the profiles and metrics of
that node too, from its debug_socket, and its configuration.

Nothing in it is secret: no key, no share, no reading. It has addresses, names of
organisations, and how much there is of what. What could not be had is named in it.`,
		Example: `  weir operator debug --dir /tmp/weir --out weir-debug.zip
  weir operator debug --config /etc/weir/node.yaml --profile ready.json --key operator.key --out weir-debug.zip`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return cli.Usagef(cmd, "--out is needed: the file to write")
			}
			if err := checkNew(out); err != nil {
				return err
			}
			var c config.Config
			if flags.file != "" {
				var err error
				if c, err = flags.read(a); err != nil {
					return err
				}
			}
			return a.With(cli.Operator, func(cl *client.Client) error {
				b := collect(cmd.Context(), cl, c, cmp.Or(socket, c.DebugSocket))
				if err := durable.Replace(out, 0o600, func(w io.Writer) error { return b.write(w, time.Now()) }); err != nil {
					return fmt.Errorf("write the bundle: %w", err)
				}
				return b.print(a, out)
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "`FILE.zip` to write")
	cmd.Flags().StringVar(&socket, "debug-socket", "", "Unix socket of the node on this machine (default: the configuration's debug_socket)")
	return cmd
}

// bundle is what was collected, in the order of the archive.
type bundle struct{ parts []bundlePart }

type bundlePart struct {
	name, what string
	content    []byte
	err        error // why there is no content
}

// collect asks for everything, each part by itself.
func collect(ctx context.Context, c *client.Client, conf config.Config, socket string) *bundle {
	b := &bundle{}
	document := func(name, what string, get func(context.Context) (any, error)) {
		b.add(ctx, name, what, func(ctx context.Context) ([]byte, error) {
			v, err := get(ctx)
			if err != nil {
				return nil, err
			}
			return json.MarshalIndent(v, "", " ")
		})
	}
	document("version.json", "what this program was built from", func(context.Context) (any, error) { return cli.Built(), nil })
	document("status.json", "what every node says of itself", func(ctx context.Context) (any, error) { return nodestatus.All(ctx, c) })
	document("cluster.json", "roster and threshold", func(ctx context.Context) (any, error) { return c.Cluster(ctx) })
	document("profile.json", "the nodes that this machine pins", func(context.Context) (any, error) { return c.Profile(), nil })
	if conf.Dir != "" {
		if words := strings.Fields(conf.SealKeyCommand); len(words) > 1 {
			conf.SealKeyCommand = words[0] + " …" // the rest may be a secret
		}
		document("config.json", "the configuration of the node on this machine", func(context.Context) (any, error) { return conf, nil })
	}
	if socket == "" {
		return b
	}
	for _, p := range [][3]string{
		{"metrics.txt", "metrics of the node on this machine", "/metrics"},
		// Without debug=2: traces with arguments could have words of secrets.
		{"goroutines.txt", "what its goroutines do", "/debug/pprof/goroutine?debug=1"},
		{"heap.pb.gz", "where its memory was taken", "/debug/pprof/heap"},
		{"profile.pb.gz", "where its cores work, in five seconds", "/debug/pprof/profile?seconds=5"},
	} {
		b.add(ctx, p[0], p[1], func(ctx context.Context) ([]byte, error) { return unixsocket.Get(ctx, socket, p[2]) })
	}
	return b
}

func (b *bundle) add(ctx context.Context, name, what string, get func(context.Context) ([]byte, error)) {
	ctx, cancel := context.WithTimeout(ctx, debugWait)
	defer cancel()
	p := bundlePart{name: name, what: what}
	p.content, p.err = get(ctx)
	b.parts = append(b.parts, p)
}

// write makes the archive, with what is missing named in missing.txt.
func (b *bundle) write(to io.Writer, now time.Time) error {
	z := zip.NewWriter(to)
	put := func(name string, content []byte) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: now.UTC()})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	var missing strings.Builder
	for _, p := range b.parts {
		if p.err != nil {
			fmt.Fprintf(&missing, "%s: %v\n", p.name, p.err)
			continue
		}
		if err := put(p.name, p.content); err != nil {
			return err
		}
	}
	if missing.Len() > 0 {
		if err := put("missing.txt", []byte(missing.String())); err != nil {
			return err
		}
	}
	return z.Close()
}

// debugRow is a part of a bundle as it is printed.
type debugRow struct {
	File    string `json:"file"`
	What    string `json:"what"`
	Bytes   int    `json:"bytes"`
	Missing string `json:"missing,omitempty"`
}

func (b *bundle) print(a *cli.App, out string) error {
	t := term.Table{Head: []string{"file", "bytes", "what"}}
	var rows []debugRow
	var faults []error
	for _, p := range b.parts {
		r := debugRow{File: p.name, What: p.what, Bytes: len(p.content)}
		if p.err != nil {
			r.Missing = p.err.Error()
			faults = append(faults, fmt.Errorf("%s is missing: %w", p.name, p.err))
			t.Add(p.name, "missing", p.what)
		} else {
			t.Add(p.name, cli.FormatBytes(int64(len(p.content))), p.what)
		}
		rows = append(rows, r)
	}
	info, err := os.Stat(out)
	if err == nil {
		err = a.Print(map[string]any{"bundle": out, "parts": rows}, t)
	}
	if err != nil {
		return err
	}
	a.Note("wrote %s, %s; nothing in it is secret, and look before you hand it on", out, cli.FormatBytes(info.Size()))
	return errors.Join(faults...)
}
