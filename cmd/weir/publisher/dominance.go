package publisher

import (
	"context"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

// dominanceHelp is of every command that publishes readings.
const dominanceHelp = `
Before anything is sent, the cells of a protected dataset that its policy always
answers (every group of a cube in every period of the policy's grain, by measure) are
held against the p % rule, here, where the plaintext is: with contributions x1 >= x2
>= x3 ..., a cell fails when x3 + x4 + ... < p/100 * x1, because then the entity of x2
can work out x1 to within p % from the total and its own reading. Contributions are
absolute values, less a positive lower bound of the measure's range. What fails is
listed, with the group to merge it with in the registry's columns or the cube to leave
out. It is a warning, because what may be released is the policy's decision and not
this program's; --strict publishes nothing then.`

// dominance is how cubes are checked before publishing.
type dominance struct {
	text    string
	percent panel.Percent
	strict  bool
}

// parse reads the flags.
func (d *dominance) parse(cmd *cobra.Command) (err error) {
	if d.percent, err = panel.ParsePercent(d.text); err != nil {
		return cli.Usagef(cmd, "--dominance: %s", err)
	}
	return nil
}

// check holds a dataset against the rule and says what fails. With --strict that is
// a refusal.
func (d dominance) check(ctx context.Context, a *cli.App, c *client.Client, p *publish.Prepared) (*panel.Dominance, error) {
	report, err := publish.Dominance(ctx, c, p, d.percent)
	if err != nil || report.Failed == 0 {
		return report, err
	}
	a.NoteEach("%s", describeDominance(report))
	if !d.strict {
		return report, nil
	}
	no := catalog.Refuse(catalog.RefusedPolicy, "dominance", "dominance.failed", report.Failed, report.Checked, d.percent)
	no.Field = "policy.cubes"
	return report, no
}

// describeDominance says a report in sentences.
func describeDominance(d *panel.Dominance) []string {
	words := []string{fmt.Sprintf("warning: %d of %d cells fail the %s %% rule: whoever has the second largest contribution can work out the largest to within %s %%",
		d.Failed, d.Checked, d.Percent, d.Percent)}
	for _, x := range d.List {
		words = append(words, fmt.Sprintf("  %s of %s in %s: %s", x.Measure, describeGroup(x.Cube, x.Group), x.Period, english.Plural(x.Entities, "entity", "entities")))
	}
	if more := d.Failed - len(d.List); more > 0 {
		words = append(words, fmt.Sprintf("  and %d more", more))
	}
	for _, r := range d.Remedy {
		what := fmt.Sprintf("to mend %s: ", describeGroup(r.Cube, r.Group))
		switch {
		case r.Merge != nil:
			what += "give it one value with " + describeGroup(r.Cube, r.Merge) + " in the registry"
		case len(r.Cube) == 0:
			what += "a coarser grain, or no release at all"
		default:
			what += fmt.Sprintf("no single group helps; leave out the cube by %s, or make its columns or the policy's grain coarser", strings.Join(r.Cube, " and "))
		}
		words = append(words, "  "+what)
	}
	return words
}

// describeGroup says a group as conditions.
func describeGroup(columns, values []string) string {
	if len(columns) == 0 {
		return "all entities"
	}
	parts := make([]string, len(columns))
	for i := range columns {
		parts[i] = columns[i] + " " + values[i]
	}
	return strings.Join(parts, ", ")
}
