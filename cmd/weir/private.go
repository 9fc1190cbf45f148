package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// privateFile is a query's --private NAME=FILE.csv and what goes with it.
type privateFile struct {
	text          string
	name, path    string
	ignoreUnknown bool
	leaveOut      bool
}

func (p *privateFile) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.text, "private", "", "`NAME=FILE.csv`: the portfolio of entity IN PRIVATE(NAME), registered when it is new or changed")
	cmd.Flags().BoolVar(&p.ignoreUnknown, "ignore-unknown", false, "with --private: go on without the ids that the registry does not have")
	cmd.Flags().BoolVar(&p.leaveOut, "leave-out", false, "with --private: leave out without asking what the nodes' test would fail on")
}

func (p *privateFile) check(cmd *cobra.Command) error {
	if p.text == "" {
		if p.ignoreUnknown || p.leaveOut {
			return usagef(cmd, "--ignore-unknown and --leave-out are of --private")
		}
		return nil
	}
	var found bool
	if p.name, p.path, found = strings.Cut(p.text, "="); !found || p.name == "" || p.path == "" {
		return usagef(cmd, "--private is NAME=FILE.csv, not %q", p.text)
	}
	return nil
}

// options are how the portfolio of a query is registered.
func (a *app) portfolioOptions(p privateFile, registry, sql string, o client.QueryOptions, bar *progress) client.PortfolioOptions {
	return client.PortfolioOptions{
		Name: p.name, Registry: registry, For: sql, Query: o, LeaveOut: a.decide(p.name, p.leaveOut), Progress: a.checking(bar), Watch: bar.checks(),
		PortfolioFile: client.PortfolioFile{File: openFile(p.path), IgnoreUnknown: p.ignoreUnknown},
	}
}

// known finds the vector of the query's file, if this machine registered that very
// file, and the registry that the query is on.
func (a *app) known(ctx context.Context, c *client.Client, sql string, p privateFile) (v catalog.Vector, known bool, registry string, err error) {
	name, registry, err := c.SelectorOf(ctx, sql)
	if err != nil {
		return v, false, "", err
	}
	if name != p.name {
		return v, false, "", &usageError{message: fmt.Sprintf("--private has a file for %s, and the SQL names PRIVATE(%s)", p.name, name), command: "weir query"}
	}
	v, known, err = c.KnownPortfolio(ctx, a.recordDir(), name, registry, client.PortfolioFile{File: openFile(p.path)})
	return v, known, registry, err
}

// ensurePortfolio has the query's portfolio registered: the same file once.
func (a *app) ensurePortfolio(ctx context.Context, c *client.Client, sql string, o client.QueryOptions, p privateFile) error {
	if p.text == "" {
		return nil
	}
	v, known, registry, err := a.known(ctx, c, sql, p)
	if err != nil {
		return err
	}
	if known {
		a.note("%s is portfolio %s version %d as it is registered; nothing is uploaded", p.path, v.Name, v.Version)
		r, err := c.Registry(ctx, registry)
		if err == nil && r.Rows > v.Entities {
			a.note("registry %s has grown since, from %d entities to %d; the new ones are not in it", registry, v.Entities, r.Rows)
		}
		return err
	}
	a.ifInterrupted("the query was not asked, and nothing is charged; see with `weir portfolio list` whether %s was registered", p.name)
	stop := a.patiently("waiting for the nodes to take the portfolio")
	bar := a.newProgress()
	done, err := c.KeepPortfolio(ctx, a.recordDir(), a.portfolioOptions(p, registry, sql, o, bar))
	bar.finish()
	stop()
	if err != nil {
		return err
	}
	a.tellIgnored(done, registry)
	a.note("registered portfolio %s version %d with %s", p.name, done.Vector.Version, counted(done.Entries, "entity", "entities"))
	if done.Vector.Version > 1 {
		a.note(otherVersion)
	}
	return nil
}

// explainPortfolio says what registering the query's file would come to.
func (a *app) explainPortfolio(ctx context.Context, c *client.Client, sql string, o *client.QueryOptions, p privateFile, s *sheet) error {
	if p.text == "" {
		return nil
	}
	v, known, registry, err := a.known(ctx, c, sql, p)
	if err != nil {
		return err
	}
	if known {
		s.add("portfolio", fmt.Sprintf("%s version %d, registered; nothing would be uploaded", v.Name, v.Version))
		return nil
	}
	o.NewPortfolio = true
	would, err := c.PreviewPortfolio(ctx, a.portfolioOptions(p, registry, sql, *o, a.newProgress()))
	if err != nil {
		return err
	}
	s.add("portfolio", fmt.Sprintf("%s would be registered with %s of %s", p.name, counted(would.Entries, "entity", "entities"), p.path))
	for _, why := range would.LeftOut.Why {
		s.add("the test would fail", why)
	}
	if len(would.LeftOut.IDs) > 0 {
		s.add("would be left out", strings.Join(would.LeftOut.IDs, ", "))
	}
	return nil
}

// recordDir is where this machine remembers which files it registered: beside the
// profile.
func (a *app) recordDir() string { return filepath.Dir(a.profilePath()) }

// openFile is a file on this machine.
func openFile(path string) panel.File {
	path = filepath.Clean(path)
	return panel.File{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }} //nolint:gosec // the user's own file
}

// checking tells what the nodes' checks wait for, when they take long.
func (a *app) checking(p *progress) func(catalog.Vector) {
	return func(v catalog.Vector) {
		switch v.State {
		case catalog.VectorStoring, catalog.VectorLining, catalog.VectorProving:
			p.tell(a.howToStop(client.VectorWaits(v)))
		}
	}
}

// errNoAnswer is returned when the terminal ends before it answers.
var errNoAnswer = errors.New("no answer")

// decide says what would be left out, and leaves it out if it may: always, or when
// the person at the terminal agrees.
func (a *app) decide(name string, always bool) func(client.LeftOut) (bool, error) {
	return a.decideBy(name, always, a.asks())
}

// decideBy is decide where it is known whether there is a person to ask.
func (a *app) decideBy(name string, always, ask bool) func(client.LeftOut) (bool, error) {
	if !always && !ask {
		return nil
	}
	return func(left client.LeftOut) (bool, error) {
		for _, why := range left.Why {
			a.note("the nodes' test would fail: %s", why)
		}
		if always {
			a.note("left out of %s: %s; %s", name, strings.Join(left.IDs, ", "), counted(left.Stays, "entity stays", "entities stay"))
			return true, nil
		}
		a.note("to leave out of %s: %s; %s", name, strings.Join(left.IDs, ", "), counted(left.Stays, "entity stays", "entities stay"))
		fmt.Fprint(a.stderr, "weir: leave them out? [y/N] ") //nolint:errcheck // there is nowhere left to say so
		line, err := bufio.NewReader(a.stdin).ReadString('\n')
		if err != nil && (!errors.Is(err, io.EOF) || line == "") {
			return false, fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		answer := strings.ToLower(strings.TrimSpace(line))
		return answer == "y" || answer == "yes", nil
	}
}

// asks reports whether there is a person to ask.
func (a *app) asks() bool {
	terminal := func(v any) bool {
		f, ok := v.(*os.File)
		return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // descriptors are small
	}
	return terminal(a.stdin) && terminal(a.stderr)
}
