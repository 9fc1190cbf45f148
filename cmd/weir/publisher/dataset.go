package publisher

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

// NewDatasetCommand returns the command of datasets.
func NewDatasetCommand(a *cli.App) *cobra.Command {
	p := publication{App: a}
	publish := &cobra.Command{
		Use:   "publish DESCRIPTOR.yaml FILE...",
		Short: "encrypt readings and publish them",
		Long: `Reads the files (CSV, xlsx, Parquet or JSON, also gzip or zip) or what a query of a
database answers, encrypts the readings on this machine under your collective key,
which no node holds whole, uploads the ciphertexts and waits until the nodes have
stored and checked them. Public are the entities, the periods and which cells
have a reading; no reading leaves this machine in the clear. Readings that do not fit
into a few hundred megabytes of memory are in a temporary file while the command runs
(under TMPDIR), encrypted under a key that is thrown away with it.

Of a protected dataset this machine keeps the readings, sealed under your key, in the
user's cache. By them it tells, when the next version or another dataset of the same
registry is published, what is new; against a version of which the record is lost it
declares nothing, so that figures which that version released stay as they are.

With --check it does everything but publish, and prints what would be published: what
is wrong with the files, and what the cluster would refuse, where it can be asked. Of a
protected dataset it says what could be answered then, by the code that the nodes run:
see weir dataset answerable --help.
` + closedHelp + dominanceHelp,
		Example: `  weir dataset publish --check --dir /tmp/weir air.yaml air.csv
  weir dataset publish --dir /tmp/weir beijing.yaml beijing-air/*.csv.gz
  weir dataset publish --dir /tmp/weir air.yaml --from postgres://reader@db/air --query air.sql`,
		Args: cli.AtLeast(1, "a descriptor and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 && p.from == "" && p.query == "" {
				return cli.Usagef(cmd, "publish takes a descriptor and at least one file, or a database with --from")
			}
			if err := p.rule.parse(cmd); err != nil {
				return err
			}
			p.descriptor = args[0]
			return p.publish(cmd.Context(), args[1:])
		},
	}
	p.flags(publish)
	cli.CompleteFiles(publish, "yaml", "yml", "csv", "gz")
	list := cli.List[catalog.Dataset]{
		Short: "list the datasets", Example: "  weir dataset list --dir /tmp/weir",
		Name: "datasets", Who: cli.Nobody, Read: client.Datasets.Read, Table: datasetsTable,
	}.Command(a)
	show := &cobra.Command{
		Use:     "show ID",
		Short:   "show a dataset: its measures, its policy, its newest version",
		Example: "  weir dataset show beijing_air --dir /tmp/weir",
		Args:    cli.Exactly(1, "one dataset's id"),
		RunE:    func(cmd *cobra.Command, args []string) error { return showDataset(cmd.Context(), a, args[0]) },
	}
	return cli.Group(cli.ForPublishers, "dataset", "publish and see datasets", "  weir dataset publish --dir /tmp/weir air.yaml air.csv",
		publish, newDatasetAppendCommand(a), newDatasetAnswerableCommand(a), newDatasetRememberCommand(a), newDatasetTemplateCommand(a), newDatasetAmendCommand(a),
		newDatasetWithdrawCommand(a), newReopenCommand(a), list, a.CompleteName(show, cli.DatasetNames))
}

// publish publishes the files as the descriptor says.
func (p *publication) publish(ctx context.Context, files []string) error {
	src, err := publish.OpenDescriptor(p.descriptor)
	if err != nil {
		return err
	}
	data, err := p.files(files)
	if err != nil {
		return err
	}
	c, err := connectPublisher(p.App)
	switch {
	case err == nil:
		defer c.Close()
	case p.check && src.Registry == "":
		c = nil // the data says all but what the catalog has already
		p.Note("not compared with what is published: %s", err)
	default:
		return err
	}
	bar := p.NewProgress()
	defer bar.Finish()
	tell := publishing(p.App, src.Descriptor.Dataset, bar)
	prepared, err := publish.Prepare(ctx, src, data, c, tell)
	if err != nil {
		return nothingPublished(p.check, err)
	}
	defer prepared.Close() //nolint:errcheck // the system removes the file with the process
	bar.Finish()
	if src.Descriptor.Policy.Public {
		p.Note("warning: dataset %s is public: whoever gets a contract gets any group, single readings included", src.Descriptor.Dataset)
	}
	if !p.check {
		for _, w := range publish.TooWideOf(src.Descriptor) {
			p.Note("warning: %s", w.Words())
		}
	}
	return p.finish(ctx, c, prepared, bar, tell, func(done publish.Published) string {
		return fmt.Sprintf("a buyer asks for it with `weir order create --dataset %s --purpose TEXT`", done.Dataset)
	})
}

func datasetsTable(all []catalog.Dataset) term.Table {
	s := term.Table{Head: []string{"dataset", "live version", "grain", "registry", "title", "标题"}}
	for _, d := range all {
		s.Add(d.ID, formatVersion(d.Live), string(d.Descriptor.Grain), d.Descriptor.Registry, d.Descriptor.Title.EN, d.Descriptor.Title.ZH)
	}
	return s
}

func formatVersion(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

// shownDataset is what `dataset show` prints as JSON.
type shownDataset struct {
	catalog.Dataset
	Newest  *catalog.Version  `json:"newest,omitempty"` // live or not
	History []catalog.Version `json:"history"`          // all versions, the first first
}

func showDataset(ctx context.Context, a *cli.App, id string) error {
	return a.With(cli.Nobody, func(c *client.Client) error {
		d, err := c.Dataset(ctx, id)
		if err != nil {
			return err
		}
		shown := shownDataset{Dataset: d}
		if shown.History, err = c.Versions(ctx, id); err != nil {
			return err
		}
		if n := len(shown.History); n > 0 {
			shown.Newest = &shown.History[n-1]
		}
		return a.Print(shown, datasetTable(shown))
	})
}

func datasetTable(shown shownDataset) term.Table {
	d := shown.Descriptor
	s := term.Table{Head: []string{"what", "value"}}
	s.Add("dataset", d.Dataset)
	s.Add("title", d.Title.EN)
	s.Add("标题", d.Title.ZH)
	s.AddIf(d.Description.EN != "", "description", strings.ReplaceAll(d.Description.EN, "\n", " "))
	s.AddIf(d.Description.ZH != "", "说明", strings.ReplaceAll(d.Description.ZH, "\n", " "))
	s.Add("license", d.License)
	s.Add("registry", d.Registry)
	s.Add("entity", d.Entity)
	s.Add("grain", fmt.Sprintf("%s, UTC%s", d.Grain, d.UTCOffset))
	for _, m := range d.Measures {
		s.Add("measure", fmt.Sprintf("%s in %s, %s to %s%s", m.Name, m.Unit, decimal.Format(m.Min, m.Decimals), decimal.Format(m.Max, m.Decimals), describeCompanions(m)))
	}
	for _, line := range publish.PolicyWords(d) {
		s.Add("policy", line)
	}
	if n := shown.Amended; n > 0 {
		s.Add("amended", fmt.Sprintf("%s, the last time %s", english.Plural(n, "time", "times"), cli.FormatTime(shown.AmendedAt)))
	}
	withdrawn := describeWithdrawal(shown.Withdrawn)
	s.AddIf(withdrawn != "", "state", withdrawn)
	s.Add("live version", formatVersion(shown.Live))
	if v := shown.Newest; v != nil {
		s.Add("newest version", fmt.Sprintf("%d, %s, %s, %s from %s, %s, on nodes %s", v.Version, v.State, english.Plural(v.Entities, "entity", "entities"),
			english.Plural(v.Periods, "period", "periods"), d.Grain.Format(v.First), english.Plural(v.Tiles, "tile", "tiles"), strings.Join(v.Acks, ", ")))
		if !v.Reason.IsZero() {
			s.Add("reason", explain.Reason(v.Reason))
		}
	}
	for _, v := range shown.History {
		when := cli.FormatTime(v.Proposed)
		if v.LiveAt > 0 {
			when = "since " + cli.FormatTime(v.LiveAt)
		}
		if v.Withdrawn != nil {
			when += ", " + describeWithdrawal(v.Withdrawn)
		}
		if v.Expired > 0 {
			when += ", given up " + cli.FormatTime(v.Expired)
		}
		s.Add("version", fmt.Sprintf("%d, %s %s, %s to %s", v.Version, v.State, when,
			d.Grain.Format(v.First), d.Grain.Format(v.First+int64(v.Periods)-1)))
	}
	return s
}
