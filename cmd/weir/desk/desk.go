// Package desk has the command of a person's own console.
package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/desk"
	"github.com/weirdata/weir/node/desk/notice"
	"github.com/weirdata/weir/node/desk/postgres"
)

// command is a desk, and how its person gets to it.
type command struct {
	*cli.App
	listen    string
	postgres  string
	readOnly  bool
	noBrowser bool
	archive   string
	notifyURL string
	notifyCmd string
	feeds     []string
	maps      []string
}

// NewDeskCommand returns the command that serves a desk.
func NewDeskCommand(a *cli.App) *cobra.Command {
	c := command{App: a}
	cmd := &cobra.Command{
		Use:     "desk",
		GroupID: cli.ForPublishersAndBuyers,
		Short:   "your own console, in a browser on this machine",
		Long: `Serves a console to the browser on this machine: find datasets, order, ask, see figures
as tables and charts, read your own answers again, verify receipts. The key stays in this
process, which encrypts, signs, opens and checks as the other commands do; no node serves
the page or sees what it shows.

It listens on this machine's loopback interface alone. The link that it prints, and opens
in the browser, counts once; whoever has not opened it gets nothing. It runs until
Ctrl-C; queries that are with the nodes go on, and the same question takes them up.

With --postgres it also speaks Postgres' protocol to psql, BI tools and data frames on this
machine (POSTGRES.md): datasets are tables, and nothing is spent before the session says
SET weir.spend = on. The password is in a file that only you can read.

Without a key it shows what is public and verifies receipts, which needs no node. With
--read-only it explains queries and shows answers, and spends, signs and changes nothing.`,
		Example: `  weir desk --dir /tmp/weir
  weir desk --key org.key --profile ready.json --listen 127.0.0.1:8080 --no-browser
  weir desk --dir /tmp/weir --postgres 127.0.0.1:5433`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: c.serve,
	}
	cmd.Flags().StringVar(&c.listen, "listen", desk.DefaultListen, "`address` of the loopback interface, and port; port 0 is any that is free")
	cmd.Flags().StringVar(&c.postgres, "postgres", "", "speak Postgres' protocol to tools on this machine, at `address` such as "+postgres.DefaultListen+"; off without it")
	cmd.Flags().BoolVar(&c.readOnly, "read-only", false, "spend, sign and change nothing")
	cmd.Flags().BoolVar(&c.noBrowser, "no-browser", false, "print the link, and open no browser")
	cmd.Flags().StringVar(&c.notifyURL, "notify-url", "", "https `address` to which notices are posted: an order came, a contract is nearly spent, a feed stopped, a node does not answer")
	cmd.Flags().StringVar(&c.notifyCmd, "notify-command", "", "`program` that is run for each notice, with its kind and subject as arguments and its sentence as input")
	cmd.Flags().StringVar(&c.archive, "archive", "", "`directory` or bucket with an operator's backups, to list them")
	cmd.Flags().StringArrayVar(&c.feeds, "feed", nil, "configuration `file` of a feed that runs on this machine, to show what it tells; may be given again")
	cmd.Flags().StringArrayVar(&c.maps, "map", nil, "GeoJSON `COLUMN=FILE` with the areas that a column's values name, to draw answers on; may be given again")
	return cmd
}

// owner is whose key is used where none is named: under --dir the buyer's, else nobody's, which reads what is public.
func (c *command) owner() cli.KeyOwner {
	if c.Directory() != "" {
		return cli.Buyer
	}
	return cli.Nobody
}

func (c *command) serve(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	if c.notifyURL != "" {
		if err := notice.CheckURL(c.notifyURL); err != nil {
			return fmt.Errorf("--notify-url: %w", err)
		}
	}
	maps := map[string]string{}
	for _, text := range c.maps {
		column, file, ok := strings.Cut(text, "=")
		if !ok || column == "" || file == "" {
			return cli.Usagef(cmd, "--map %s: want a column and a file, as in county=counties.geojson", text)
		}
		maps[column] = file
	}
	return c.WithOptions(c.owner(), cli.PublisherOptions(), func(client *client.Client) error {
		d, err := desk.New(c.listen, desk.Options{
			Client: client, Dir: c.RecordDir(), Feeds: c.feeds, Maps: maps, Archive: c.archive, Watch: notice.Every, NotifyURL: c.notifyURL, NotifyCommand: c.notifyCmd,
			ReadOnly: c.readOnly, Version: cli.Version(), Postgres: c.postgres, Logger: slog.New(slog.NewTextHandler(c.Stderr, nil)),
		})
		if err != nil {
			return err
		}
		link := d.Link()
		if err := c.print(link, d.Postgres()); err != nil {
			d.Close()
			return err
		}
		c.Note("the desk runs until Ctrl-C; the link counts once")
		if client.Key() == nil {
			c.Note("it has no key: it shows what is public, and verifies receipts")
		}
		if !c.noBrowser {
			// The browser gets a link of its own, so that the printed one is still good where none opens.
			forget, err := openBrowser(ctx, d.Link())
			if err != nil {
				c.Note("no browser was opened (%v); open the link", err)
			}
			defer forget()
		}
		return d.Serve(ctx)
	})
}

// print prints the link: alone, for a person and for a notebook. How tools connect goes beside it; the password, which
// does not count once as the link does, is named by its file.
func (c *command) print(link string, tools *desk.PostgresAccess) error {
	if c.Output == cli.JSON {
		return c.PrintJSON(struct {
			Link     string               `json:"link"`
			Postgres *desk.PostgresAccess `json:"postgres,omitempty"`
		}{link, tools})
	}
	if tools != nil {
		c.Note("for psql: PGREQUIREAUTH=scram-sha-256 PGPASSFILE=%s psql -h %s -p %s -U %s %s", tools.PasswordFile, tools.Host, tools.Port, tools.User, tools.Database)
	}
	if _, err := fmt.Fprintln(c.Stdout, link); err != nil {
		return fmt.Errorf("print the link: %w", err)
	}
	return nil
}

// opener is the program that opens a file in the person's browser.
func opener() []string {
	switch runtime.GOOS {
	case "darwin":
		return []string{"open"}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	return []string{"xdg-open"}
}

// openBrowser opens a link in the person's browser. Every user of this machine sees the arguments of every process, so
// the browser is given a file that only this user can read, and that leads to the link. forget removes it.
func openBrowser(ctx context.Context, link string) (forget func(), err error) {
	forget = func() {}
	dir, err := os.MkdirTemp("", "weir-desk-")
	if err != nil {
		return forget, fmt.Errorf("make a directory for the link: %w", err)
	}
	forget = func() { _ = os.RemoveAll(dir) } //nolint:errcheck // the link in it counted once
	file := filepath.Join(dir, "open.html")
	text := strings.ReplaceAll("<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\"><meta http-equiv=\"refresh\" content=\"0;url=LINK\"><title>Weir</title><a href=\"LINK\">Weir</a>\n", "LINK", link)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return forget, fmt.Errorf("write the link: %w", err)
	}
	program := append(opener(), file)
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return forget, errors.New("there is no display")
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program[0], program[1:]...) //nolint:gosec // the program is a constant
	if err := cmd.Start(); err != nil {
		return forget, fmt.Errorf("start %s: %w", program[0], err)
	}
	go cmd.Wait() //nolint:errcheck // whether a window came up is seen
	return forget, nil
}
