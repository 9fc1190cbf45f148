package publisher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/database"
	"github.com/weirdata/weir/node/client/publish"
)

// publication is how a version of a dataset is checked and published: what dataset publish
// and dataset append share.
type publication struct {
	*cli.App
	descriptor string // the file that describes the dataset; append: empty for the one that is kept
	check      bool   // do everything but publish
	from       string // address of a database; empty: files are read
	query      string // the file with the query for it
	closed     closedTo
	rule       dominance
}

func (p *publication) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.check, "check", false, "do everything but publish")
	f.StringVar(&p.from, "from", "", "`ADDRESS` of a database to read instead of files: postgres://user@host/database or mysql://user@host/database; its password may be in PGPASSWORD or MYSQL_PWD")
	f.StringVar(&p.query, "query", "", "the `file` with the query that gives the rows, with --from")
	f.StringVar(&p.closed.period, "closed-to", "", "the last `period` of the policy's grain that is final, e.g. 2024-03; "+
		"default: the last one to whose end the data reaches")
	f.StringVar(&p.rule.text, "dominance", panel.DefaultPercent.String(), "`P` of the p % rule; 0: do not check")
	f.BoolVar(&p.rule.strict, "strict", false, "publish nothing when a cell fails the p % rule")
}

// files are the files that are named, or the answer of the database.
func (p *publication) files(paths []string) ([]panel.File, error) {
	switch {
	case p.from == "" && p.query == "": // the commands have seen to it that there are paths
		return publish.DataFiles(paths), nil
	case p.from == "" || p.query == "":
		return nil, errors.New("--from and --query go together: a database's address, and the file with the query")
	case len(paths) > 0:
		return nil, errors.New("name files, or a database with --from, not both")
	}
	query, err := os.ReadFile(filepath.Clean(p.query))
	if err != nil {
		return nil, fmt.Errorf("read the query: %w", err)
	}
	f, err := database.Query(p.from, string(query))
	return []panel.File{f}, err
}

// noteReading warns of what was found while files were read.
func (p *publication) noteReading(r panel.Report) {
	p.NoteEach("warning: %s", r.Warnings)
	for _, a := range r.Alike {
		p.Note("warning: %s", a.Words())
	}
}

// finish checks what is prepared, and publishes it or prints what would be published.
// live says what to do with a version that went live.
func (p *publication) finish(ctx context.Context, c *client.Client, prepared *publish.Prepared, bar *cli.Progress, tell func(publish.Progress), live func(publish.Published) string) error {
	bar.Finish()
	if err := p.closed.apply(prepared); err != nil {
		return err
	}
	report, err := p.rule.check(ctx, p.App, c, prepared)
	if err != nil {
		return err
	}
	if p.check {
		return printCheck(ctx, p.App, c, prepared, report, p.descriptor)
	}
	p.noteReading(prepared.Panel.Report)
	relations, err := findRelations(ctx, p.App, c, prepared)
	p.NoteEach("warning: %s", relations)
	if err != nil {
		return err
	}
	prepared.Holding = showStoring(bar)
	done, err := publish.Publish(ctx, c, prepared, tell)
	if err != nil {
		return err
	}
	bar.Finish()
	p.Note("live; %s", live(done))
	return p.print(done)
}

// print prints what was published.
func (p *publication) print(done publish.Published) error {
	p.NoteEach("%s", describePublished(done, p.descriptor))
	return p.PrintRowOf(done, "dataset", done.Dataset, "version", strconv.Itoa(done.Version),
		"entities", strconv.Itoa(done.Entities), "periods", strconv.Itoa(done.Periods),
		"readings", strconv.Itoa(done.Readings), "tiles", strconv.Itoa(done.Tiles),
		"bytes", strconv.FormatInt(done.Bytes, 10))
}

// connectPublisher is connect with a place for interrupted uploads: the user's
// cache, where there is one.
func connectPublisher(a *cli.App) (*client.Client, error) {
	return a.ConnectWith(cli.Bureau, cli.PublisherOptions())
}

// publishing tells of every step of a publication, and what an interruption in it
// would mean.
func publishing(a *cli.App, dataset string, bar *cli.Progress) func(publish.Progress) {
	a.IfInterrupted("nothing was published")
	return func(now publish.Progress) {
		switch now.Stage {
		case publish.StageRegistry:
			a.IfInterrupted("nothing was published; %d of %d rows of the registry have arrived, and the same command goes on from there", now.Rows, now.RowsTotal)
		case publish.StageUploading:
			a.IfInterrupted("nothing was published; %d of %d tiles are encrypted and sent, and the same command goes on from there", now.Tiles, now.TilesTotal)
		case publish.StageProposing:
			a.IfInterrupted("all tiles are encrypted and sent; if `weir dataset show %s` does not have the version, the same command goes on from there", dataset)
		case publish.StageChecking:
			a.IfInterrupted("the nodes have all of the version and go on checking it without you; see with `weir dataset show %s` whether it is live", dataset)
		default:
			a.IfInterrupted("nothing was published")
		}
		if now.Waiting != "" {
			now.Waiting = a.WithStopHint(now.Waiting)
		}
		bar.Publishing(now)
	}
}
