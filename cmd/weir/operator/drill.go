package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/drill"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/shadow"
)

// drillFlags say what a drill is given.
type drillFlags struct {
	identities, shares []string
	receipts, results  string
	genesis            string
	queries            int
	unreported         bool
}

func newDrillCommand(a *cli.App) *cobra.Command {
	var flags drillFlags
	cmd := &cobra.Command{
		Use:   "drill ARCHIVE [BACKUP] --identity KEY",
		Short: "try on this machine whether the cluster could go on from a backup",
		Long: `Tries a backup, the newest unless one is named, and says what of it could be used:
that every part is what it was; that the ledger's entries, applied anew, make the
state that is there, and come to the verdicts that are recorded; that every blob is
there which this state needs; that recorded queries, computed anew from the
backup's tiles, come to the very sums that their nodes opened; that the receipts in
a directory hold, and are of this log.

With the shares of as many nodes as open together (weir node share export), and the
identities that open them, it opens those sums, and compares the figures with results
that their owners kept (weir query -o json). Where all these come together anybody
could open everything: do it on a machine that institutions watch together, and take
the files away again. Without shares it opens nothing. Its first line says what was tried, and what was not.

With the founding (--genesis) it restores the backup as a shadow: a node for every seat, on
loopback addresses and with keys of its own, made by what a restore makes nodes with. They
elect a leader, one that comes with nothing gets the ledger from the others, and one computes
the recorded queries from its own disk. The shadow has no share, opens nothing, takes nothing, and is gone at the
end. It takes as much of the disk beside the first identity as the backup, and the ledger as often as there are seats.

No address in the backup is called and the archive is only read:
the cluster goes on meanwhile. The ledger is in the clear beside the first identity while it runs, in
weir-drill-…, which is removed at the end, and by the next drill with that identity where this one is killed.
Shares are opened into memory alone.

What came of it, in numbers, goes into the ledger in the name of the operator of a seat,
and so into weir operator status and the metrics. On a machine that does not reach the
cluster say --no-report. It exits with 1 when anything differs, and when something
could not be tried for which shares, receipts or results were given; with 0 it says
that what was tried is as recorded, and nothing of what was not.`,
		Example: "  weir operator drill /mnt/archive --identity backup.key --receipts receipts/",
		Args:    cli.AtLeast(1, "where the archive is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(flags.identities) == 0 {
				return cli.Usagef(cmd, "--identity is needed: a key that opens the archive")
			}
			if flags.queries < 0 {
				return cli.Usagef(cmd, "--queries is %d: it is how many are computed anew, and 0 is all of them", flags.queries)
			}
			if len(args) > 2 {
				return cli.Usagef(cmd, "the archive and at most one backup are wanted, there are %d arguments", len(args))
			}
			return runDrill(cmd.Context(), a, append(args, "")[:2], flags)
		},
	}
	cmd.Flags().StringArrayVar(&flags.identities, "identity", nil, "`file` with a key that opens the archive or a share; may be given several times")
	cmd.Flags().StringArrayVar(&flags.shares, "share", nil, "`file` with a node's share; may be given several times")
	cmd.Flags().StringVar(&flags.genesis, "genesis", "", "`file` of the founding, as nodes have it: restore the backup as a shadow on this machine, and start its nodes")
	cmd.Flags().StringVar(&flags.receipts, "receipts", "", "`directory` of receipts to verify")
	cmd.Flags().StringVar(&flags.results, "results", "", "`directory` of results, as weir query -o json printed them, to compare figures with")
	cmd.Flags().BoolVar(&flags.unreported, "no-report", false, "do not record in the cluster's ledger what came of it")
	cmd.Flags().IntVar(&flags.queries, "queries", 20, "how many recorded queries are computed anew; 0: all")
	return cmd
}

// errShadow is returned where a shadow of the backup is not what it should be.
var errShadow = errors.New("the backup does not come up as it was")

// errNotTried is returned where something was given to be tried, and was not.
var errNotTried = errors.New("not all that was asked for was tried")

func runDrill(ctx context.Context, a *cli.App, args []string, flags drillFlags) (err error) {
	x, err := openArchive(ctx, args[0], args[1], catalog.Digest{}, flags.identities)
	if err != nil {
		return err
	}
	o := drill.Options{Archive: x, Queries: flags.queries}
	if o.Receipts, err = readFiles(flags.receipts, evidence.MaxReceiptBytes); err != nil {
		return err
	}
	if o.Results, err = readFiles(flags.results, maxResult); err != nil {
		return err
	}
	defer func() {
		for _, s := range o.Shares {
			s.Secrets.Wipe()
		}
	}()
	if flags.genesis != "" {
		g, err := founding.ReadGenesis(flags.genesis)
		if err != nil {
			return err
		}
		if g.Cluster() != x.Cluster {
			return fmt.Errorf("%s founds cluster %s, and the archive is of %s: no node would be restored with it", flags.genesis, g.Cluster(), x.Cluster)
		}
		o.Shadow = func(ctx context.Context, dir string) (drill.Shadow, error) { return startShadow(ctx, x, g, dir) }
	}
	for _, file := range flags.shares {
		s, err := readShare(x.With, file)
		if err != nil {
			return err
		}
		o.Shares = append(o.Shares, s)
	}
	beside := filepath.Dir(flags.identities[0])
	for _, what := range sweepScratch(beside) {
		a.Note("%s", what)
	}
	scratch, err := newScratch(beside)
	if err != nil {
		return fmt.Errorf("make a directory to work in: %w", err)
	}
	o.Dir = scratch.ledger()
	a.IfInterrupted("the ledger of the backup is in the clear in %s: the next drill removes it, or you", scratch.dir)
	progress := a.NewProgress()
	defer progress.Finish()
	o.Progress = progress.Tell
	report, err := drill.Run(ctx, o)
	err = errors.Join(err, scratch.remove())
	progress.Finish()
	if err != nil {
		return fmt.Errorf("drill with backup %s: %w", x.Name(), err)
	}
	if err := printDrill(a, x, report); err != nil {
		return err
	}
	if missed := report.Missed(); len(missed) > 0 {
		err = fmt.Errorf("%w: %s: %s", errNotTried, whatDrilled[missed[0].What], missed[0].Missed)
	}
	switch n := report.Differs(); {
	case n > 0 && n == report.OfShadow():
		err = fmt.Errorf("%w: backup %s: %d differences of the shadow alone; a restore would meet them too", errShadow, x.Name(), n)
	case n > 0:
		err = fmt.Errorf("%w: backup %s: %d differences; do not count on it, and make another one now", backup.ErrDamaged, x.Name(), n)
	}
	if flags.unreported {
		return err
	}
	return errors.Join(err, reportDrill(ctx, a, report.For(x.Manifest)))
}

// startShadow restores an archive as a shadow.
func startShadow(ctx context.Context, x backup.Archive, g founding.Genesis, dir string) (drill.Shadow, error) {
	listed := x.Listed()
	o := shadow.Options{
		Dir: dir, Genesis: g, Roster: x.Roster, Ledger: func() io.Reader { return x.Stream(ctx) }, Load: listed.Load,
	}
	for _, p := range x.Blobs {
		o.Blobs = append(o.Blobs, p.Digest)
	}
	c, err := shadow.Start(ctx, o)
	for _, ofMachine := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EADDRINUSE, consensus.ErrDiskFull} {
		if errors.Is(err, ofMachine) {
			err = fmt.Errorf("%w: %w", drill.ErrMachine, err)
		}
	}
	return c, err
}

// reportDrill has the ledger take what came of a drill.
func reportDrill(ctx context.Context, a *cli.App, d recovery.Drill) error {
	err := a.With(cli.Operator, func(c *client.Client) error {
		_, err := c.Submit(ctx, catalog.KindDrillReport, d)
		return err
	})
	if err != nil {
		a.Note("what came of the drill is printed, and not recorded in the ledger; where that is not wanted, say --no-report")
	}
	return err
}

// maxResult bounds a result that is read.
const maxResult = 256 << 20

// readFiles reads the files of a directory; none where no directory is named.
func readFiles(dir string, most int64) (files []drill.File, err error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(io.LimitReader(f, most+1))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if int64(len(b)) > most {
			return nil, fmt.Errorf("read %s: it has more than %d bytes", path, most)
		}
		files = append(files, drill.File{Name: path, Bytes: b})
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no files", dir)
	}
	return files, nil
}

// readShare opens a node's share into memory.
func readShare(with []age.Identity, file string) (s drill.Share, err error) {
	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return s, fmt.Errorf("read the share: %w", err)
	}
	if s.Info, s.Secrets, err = nodeshare.Read(with, bytes.NewReader(b)); err != nil {
		return s, fmt.Errorf("read %s: %w", file, err)
	}
	return s, nil
}

// whatDrilled says what was tried, by its name in a report.
var whatDrilled = map[string]string{
	recovery.Parts: "parts read", recovery.Entries: "entries applied anew", recovery.Decisions: "verdicts on queries", recovery.Blobs: "blobs that the state needs",
	drill.Nodes: "nodes of a shadow", drill.Restored: "queries computed by the shadow",
	recovery.Sums: "queries computed anew", recovery.Receipts: "receipts verified", recovery.Openings: "queries opened", recovery.Figures: "results compared",
}

// triedOf is what a drill tried, and what not, in one line.
func triedOf(r drill.Report) string {
	var tried, not []string
	for _, c := range r.Checks {
		if c.Tried.Tried > 0 {
			tried = append(tried, whatDrilled[c.What])
		} else {
			not = append(not, whatDrilled[c.What])
		}
	}
	line := "tried: " + strings.Join(tried, ", ")
	if len(not) > 0 {
		line += "; not tried: " + strings.Join(not, ", ")
	}
	return line
}

// printDrill prints a report: on stderr first what was tried and what not, then what differs on stderr, with it what could not be tried.
func printDrill(a *cli.App, x backup.Archive, r drill.Report) error {
	a.Note("%s", triedOf(r))
	t := term.Table{Head: []string{"what", "tried", "differ", "result"}}
	for _, c := range r.Checks {
		how := "as recorded"
		switch {
		case c.Differ > 0:
			how = "differs"
		case c.Tried.Tried == 0:
			how = "not tried"
		}
		t.Add(whatDrilled[c.What], strconv.Itoa(c.Tried.Tried), strconv.Itoa(c.Differ), how)
		a.NoteEach("%s", c.Notes)
		if c.Skipped != "" && c.Differ == 0 {
			a.Note("%s: not tried: %s", whatDrilled[c.What], c.Skipped)
		}
	}
	tried := slices.ContainsFunc(r.Checks, func(c drill.Check) bool { return c.What == recovery.Openings && c.Tried.Tried > 0 })
	if !tried && r.Differs() == 0 {
		a.Note("that the nodes' shares open the backup was not shown: with --share of as many nodes as open together it is tried")
	}
	return a.Print(struct {
		Backup  string         `json:"backup"`
		Cluster catalog.Digest `json:"cluster"`
		Made    int64          `json:"made"` // Unix milliseconds
		Entries uint64         `json:"entries"`
		Root    catalog.Digest `json:"root"`
		drill.Report
	}{x.Name(), x.Cluster, x.Made, x.Size, x.Root, r}, t)
}
