package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

func init() { commands = append(commands, newDatasetCommand) }

func newDatasetCommand(a *app) *cobra.Command {
	var check bool
	var rule dominance
	publish := &cobra.Command{
		Use:   "publish DESCRIPTOR.yaml FILE.csv[.gz]...",
		Short: "encrypt readings and publish them",
		Long: `Reads the files, encrypts the readings on this machine under your collective key,
which no node holds whole, uploads the ciphertexts and waits until the nodes have
stored and checked them. Public are the entities, the periods and which cells
have a reading; no reading leaves this machine in the clear.

Of a protected dataset this machine keeps a keyed digest of every reading, in the
user's cache. By them it tells, when the next version is published, which readings
were corrected; a version published where they are not known is closed in the periods
that an earlier one released.

With --check it does everything but publish, and prints what would be published: what
is wrong with the files, and what the cluster would refuse, where it can be asked.
` + dominanceHelp,
		Example: `  weir dataset publish --check --dir /tmp/weir air.yaml air.csv
  weir dataset publish --dir /tmp/weir beijing.yaml beijing-air/*.csv.gz`,
		Args: atLeast(2, "a descriptor and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return rule.run(cmd, func(p panel.Percent) error { return a.publishDataset(cmd.Context(), args[0], args[1:], check, rule, p) })
		},
	}
	publish.Flags().BoolVar(&check, "check", false, "do everything but publish")
	rule.flags(publish.Flags())
	list := &cobra.Command{
		Use:     "list",
		Short:   "list the datasets",
		Example: "  weir dataset list --dir /tmp/weir",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printList(cmd.Context(), a, nobody, "datasets", (*client.Client).Datasets, datasetsSheet)
		},
	}
	show := &cobra.Command{
		Use:     "show ID",
		Short:   "show a dataset: its measures, its policy, its newest version",
		Example: "  weir dataset show beijing_air --dir /tmp/weir",
		Args:    exactly(1, "one dataset's id"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.showDataset(cmd.Context(), args[0]) },
	}
	return group("dataset", "publish and see datasets", "  weir dataset publish --dir /tmp/weir air.yaml air.csv", publish, newDatasetAppendCommand(a), list, show)
}

func (a *app) publishDataset(ctx context.Context, descriptor string, files []string, check bool, rule dominance, percent panel.Percent) error {
	src, err := client.OpenDescriptor(descriptor)
	if err != nil {
		return err
	}
	c, err := a.connectPublisher()
	switch {
	case err == nil:
		defer c.Close()
	case check && src.Registry == "":
		c = nil // the data says all but what the catalog has already
		a.note("not compared with what is published: %s", err)
	default:
		return err
	}
	ids := func(ctx context.Context, registry string) ([]string, error) { return c.RegistryIDs(ctx, registry) }
	bar := a.newProgress()
	defer bar.finish()
	tell := a.publishing(src.Descriptor.Dataset, bar)
	prepared, err := client.Prepare(ctx, src, client.DataFiles(files), ids, tell)
	if err != nil {
		return a.nothingPublished(check, err)
	}
	if src.Descriptor.Policy.Public {
		bar.finish()
		a.note("warning: dataset %s is public: whoever gets a contract gets any group, single readings included", src.Descriptor.Dataset)
	}
	bar.finish()
	report, err := rule.check(ctx, a, c, prepared, percent)
	if err != nil {
		return err
	}
	if check {
		return a.check(ctx, c, prepared, report)
	}
	prepared.Holding = bar.holding()
	done, err := c.PublishDataset(ctx, prepared, tell)
	if err != nil {
		return err
	}
	bar.finish()
	a.note("live; a buyer asks for it with `weir order create --dataset %s --purpose TEXT`", done.Dataset)
	return a.printPublished(done)
}

func (a *app) printPublished(done client.Published) error {
	for _, v := range done.Uncompared {
		a.note("warning: this machine has no record of the readings of version %d, so nobody can tell which of them changed: periods that it shares with version %d stay closed; publish on the machine that has, or see `weir dataset publish --help`", v, done.Version)
	}
	s := sheet{head: []string{"dataset", "version", "entities", "periods", "readings", "tiles", "bytes"}}
	s.add(done.Dataset, strconv.Itoa(done.Version), strconv.Itoa(done.Entities), strconv.Itoa(done.Periods),
		strconv.Itoa(done.Readings), strconv.Itoa(done.Tiles), strconv.FormatInt(done.Bytes, 10))
	return a.print(done, s)
}

// connectPublisher is connect with a place for interrupted uploads: the user's
// cache, where there is one.
func (a *app) connectPublisher() (*client.Client, error) {
	var o client.Options
	if cache, err := os.UserCacheDir(); err == nil {
		o.Spool = filepath.Join(cache, "weir", "uploads")
	}
	return a.connectWith(bureau, o)
}

func datasetsSheet(all []catalog.Dataset) sheet {
	s := sheet{head: []string{"dataset", "live version", "grain", "registry", "title", "标题"}}
	for _, d := range all {
		s.add(d.ID, version(d.Live), string(d.Descriptor.Grain), d.Descriptor.Registry, d.Descriptor.Title.EN, d.Descriptor.Title.ZH)
	}
	return s
}

func version(n int) string {
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

func (a *app) showDataset(ctx context.Context, id string) error {
	return a.with(nobody, func(c *client.Client) error {
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
		return a.print(shown, datasetSheet(shown))
	})
}

func datasetSheet(shown shownDataset) sheet {
	d := shown.Descriptor
	s := sheet{head: []string{"what", "value"}}
	s.add("dataset", d.Dataset)
	s.add("title", d.Title.EN)
	s.add("标题", d.Title.ZH)
	for _, line := range []struct{ what, text string }{{"description", d.Description.EN}, {"说明", d.Description.ZH}} {
		if line.text != "" {
			s.add(line.what, line.text)
		}
	}
	s.add("license", d.License)
	s.add("registry", d.Registry)
	s.add("entity", d.Entity)
	s.add("grain", fmt.Sprintf("%s, UTC%s", d.Grain, d.UTCOffset))
	for _, m := range d.Measures {
		s.add("measure", fmt.Sprintf("%s in %s, %s to %s%s", m.Name, m.Unit, decimal(m.Min, m.Decimals), decimal(m.Max, m.Decimals), companionWords(m)))
	}
	for _, line := range policyWords(d) {
		s.add("policy", line)
	}
	s.add("live version", version(shown.Live))
	if v := shown.Newest; v != nil {
		s.add("newest version", fmt.Sprintf("%d, %s, %s, %s from %s, %s, on nodes %s", v.Version, v.State, counted(v.Entities, "entity", "entities"),
			counted(v.Periods, "period", "periods"), d.Grain.Format(v.First), counted(v.Tiles, "tile", "tiles"), strings.Join(v.Acks, ", ")))
		if v.Reason != "" {
			s.add("reason", v.Reason)
		}
	}
	for _, v := range shown.History {
		when := moment(v.Proposed)
		if v.LiveAt > 0 {
			when = "since " + moment(v.LiveAt)
		}
		s.add("version", fmt.Sprintf("%d, %s %s, %s to %s", v.Version, v.State, when,
			d.Grain.Format(v.First), d.Grain.Format(v.First+int64(v.Periods)-1)))
	}
	return s
}
