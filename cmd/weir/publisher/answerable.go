package publisher

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/family"
)

func newDatasetAnswerableCommand(a *cli.App) *cobra.Command {
	var asOf int
	cmd := &cobra.Command{
		Use:   "answerable ID",
		Short: "say which figures of a protected dataset can be had, and which not",
		Long: `Says what can be answered exactly of a protected dataset, for anybody: by level of its
cubes how many groups are complete, how many of the entities that count are covered, and
the worst period; which classes were joined because they were too small, and the groups
that never have them; what columns lose by others that tell of the same readings; which
corrections are held back; and of how many figures random private lists would pass the
test. Nothing that anybody asks changes it: it is settled when a version is published.

It is worked out on this machine, from public facts that a node tells: classes, what
versions settled, and who has readings. weir dataset publish --check says the same of
what would be published.`,
		Example: `  weir dataset answerable plants --dir /tmp/weir
  weir dataset answerable plants --as-of 1 --dir /tmp/weir`,
		Args: cli.Exactly(1, "one dataset's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asOf < 0 {
				return cli.Usagef(cmd, "--as-of is %d, want the number of a version", asOf)
			}
			return a.With(cli.Nobody, func(c *client.Client) error {
				report, err := family.Answerable(cmd.Context(), c, args[0], asOf)
				if err != nil {
					return err
				}
				d, err := c.Dataset(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				s := term.Table{Head: []string{"what", "value"}}
				s.Add("dataset", fmt.Sprintf("%s, as of version %d", report.Dataset, report.AsOf))
				addAnswerable(&s, d.Descriptor.Policy.Grain, report)
				return a.Print(report, s)
			})
		},
	}
	cmd.Flags().IntVar(&asOf, "as-of", 0, "`version` as of which; default: the newest")
	return a.CompleteName(cmd, cli.DatasetNames)
}

// maxLines is how many lines a table has of one kind; JSON has all.
const maxLines = 12

// addAnswerable says a report in lines. grain is that of its periods.
func addAnswerable(s *term.Table, grain calendar.Grain, r *answerable.Report) {
	if r.Periods == 0 {
		s.Add("answerable", "nothing: no "+string(grain)+" is settled")
		return
	}
	s.Add("classes", fmt.Sprintf("%s of %s, each of at least %d", english.Plural(r.Classes, "class", "classes"), english.Plural(r.Entities, "entity", "entities"), r.MinCohort))
	s.Add("settled", fmt.Sprintf("%s, %s to %s", english.Plural(r.Periods, string(grain), string(grain)+"s"), r.First, r.Last))
	for _, l := range r.Levels {
		for _, line := range describeLevel(l, r, grain) {
			s.Add("answerable", line)
		}
	}
	addLines(s, "joined", r.Joined, describeJoined)
	addLines(s, "waiting", r.Pool, func(l answerable.Leaf) string {
		return fmt.Sprintf("%s of %s: in no figure until there are enough", english.Plural(l.Entities, "entity", "entities"), describeGroup(l.By, l.Values))
	})
	var losing []answerable.Column
	for _, c := range r.Columns {
		if c.Joined+c.None > 0 || c.With != "" {
			losing = append(losing, c)
		}
	}
	addLines(s, "column", losing, func(c answerable.Column) string { return describeColumn(c, r.MinCohort, grain) })
	addLines(s, "held back", r.HeldBack, func(h answerable.Held) string {
		return fmt.Sprintf("%s of %s in %s: corrections of %s", h.Measure, describeGroup(h.By, h.Values), h.Period, english.Plural(h.Entities, "entity", "entities"))
	})
	for _, l := range r.Lists {
		s.Add("private lists", describeList(l, r, grain))
	}
}

// addLines adds a line for each of the first of a list, and how many there are more.
func addLines[T any](s *term.Table, what string, list []T, words func(T) string) {
	for _, x := range list[:min(len(list), maxLines)] {
		s.Add(what, words(x))
	}
	if more := len(list) - maxLines; more > 0 {
		s.Add(what, fmt.Sprintf("and %d more; -o json has them all", more))
	}
}

// describeLevel says a level in one line where all is there, else in one a measure.
func describeLevel(l answerable.Level, r *answerable.Report, grain calendar.Grain) []string {
	name := "in total"
	if len(l.By) > 0 {
		name = "by " + strings.Join(l.By, " × ")
	}
	whole := true
	for _, m := range l.Measures {
		whole = whole && m.Whole == m.Figures && m.HeldBack == 0
	}
	if whole {
		return []string{fmt.Sprintf("%s: complete, %s in every %s", name, english.Plural(l.Groups, "group", "groups"), grain)}
	}
	var out []string
	for _, m := range l.Measures {
		out = append(out, fmt.Sprintf("%s %s: %s", m.Measure, name, describeMeasure(m, l, r, grain)))
	}
	return out
}

func describeMeasure(m answerable.LevelMeasure, l answerable.Level, r *answerable.Report, grain calendar.Grain) string {
	words := []string{fmt.Sprintf("%d of %s complete, %d of %s", m.Complete, english.Plural(l.Groups, "group", "groups"), m.Whole, english.Plural(m.Figures, "row", "rows"))}
	covered := fmt.Sprintf("%s of entities covered", formatPercent(m.Included, m.Of))
	if m.Value != nil {
		covered += fmt.Sprintf(" and %d.%d %% of the value", *m.Value/10, *m.Value%10)
	}
	words = append(words, covered)
	if m.Worst != nil {
		words = append(words, fmt.Sprintf("the worst %s is %s with %d of %d", grain, m.Worst.Period, m.Worst.Included, m.Worst.Of))
	}
	if m.Withheld > 0 {
		words = append(words, fmt.Sprintf("%s less than %s and %s withheld", english.Plural(m.Withheld, "row covers", "rows cover"), r.Coverage, english.PluralWord(m.Withheld, "is", "are")))
	}
	if m.HeldBack > 0 {
		words = append(words, fmt.Sprintf("%s corrections", english.Plural(m.HeldBack, "row lacks", "rows lack")))
	}
	if len(l.By) > 0 && len(m.Short) > 0 {
		var names []string
		for _, g := range m.Short {
			names = append(names, fmt.Sprintf("%s (%s)", strings.Join(g.Values, " × "), formatPercent(g.Included, g.Of)))
		}
		if len(m.Short) < answerable.MaxShort {
			words = append(words, "not complete: "+strings.Join(names, ", "))
		} else {
			words = append(words, "least complete: "+strings.Join(names, ", "))
		}
	}
	return strings.Join(words, "; ")
}

// formatPercent is a part in percent with one decimal, rounded down so that only all of it is
// 100 %.
func formatPercent(part, of int) string {
	if of == 0 || part == of {
		return "100 %"
	}
	n := int64(part) * 1000 / int64(of)
	return fmt.Sprintf("%d.%d %%", n/10, n%10)
}

func describeJoined(j answerable.Joined) string {
	var small, rest []string
	for _, l := range j.Leaves {
		text := fmt.Sprintf("%s (%s)", describeGroup(l.By, l.Values), english.Plural(l.Entities, "entity", "entities"))
		if l.Small {
			small = append(small, text)
		} else {
			rest = append(rest, text)
		}
	}
	words := strings.Join(small, ", ") + " below min_cohort"
	switch {
	case len(small) == 0:
		words = strings.Join(rest, ", ") + " are one class since an attribute was corrected"
	case len(rest) > 0:
		words += ", joined with " + strings.Join(rest, ", ")
	default:
		words += ", joined together"
	}
	if len(j.Missing) == 0 {
		return words
	}
	var lose []string
	for _, g := range j.Missing[:min(len(j.Missing), maxLines)] {
		lose = append(lose, describeGroup(g.By, g.Values))
	}
	if more := len(j.Missing) - len(lose); more > 0 {
		lose = append(lose, fmt.Sprintf("%d more", more))
	}
	return words + "; never in the figures of " + strings.Join(lose, "; ")
}

// unitReasons say why classes are no units by themselves.
var unitReasons = map[string]string{
	answerable.WhySmall:    "have fewer entities than that",
	answerable.WhySums:     "are not alone in the sums of both measures in the same versions",
	answerable.WhyUnpaired: "have some entities, and too few, with one of the measures alone",
	answerable.WhyAbsent:   "have too few entities with readings",
	answerable.WhyNews:     "have too few entities with something new",
}

func describeColumn(c answerable.Column, k int, grain calendar.Grain) string {
	name, needs := c.Measure, fmt.Sprintf("needs %d entities", c.Needs)
	switch {
	case c.With == c.Measure:
		name = "the square of " + c.Measure
	case c.With != "":
		name = c.Measure + " × " + c.With
	}
	if c.With != "" {
		needs += fmt.Sprintf(" (%d exact columns are connected, times %d)", c.Exact, k)
	}
	words := []string{name + ": " + needs}
	if len(c.Related) > 0 {
		words[0] += " with something new beside " + strings.Join(c.Related, ", ")
	}
	words = append(words, fmt.Sprintf("of %s in %s: %d alone, %d with others, %d as in an earlier version, %d in no figure",
		english.Plural(c.Classes, "class", "classes"), english.Plural(c.Sources, string(grain), string(grain)+"s"), c.Alone, c.Joined, c.Kept, c.None))
	for _, w := range c.Why {
		words = append(words, fmt.Sprintf("%d %s", w.Classes, unitReasons[w.Code]))
	}
	return strings.Join(words, "; ")
}

func describeList(l answerable.List, r *answerable.Report, grain calendar.Grain) string {
	by := "as a total"
	if len(l.By) > 0 {
		by = "by " + strings.Join(l.By, " × ")
	}
	words := fmt.Sprintf("random lists of %d %s: %d of %s (a measure in a %s) pass the test", l.Entities, by, l.Passing, english.Plural(l.Figures, "figure", "figures"), grain)
	switch {
	case l.Withdrawn > 0:
		return fmt.Sprintf("random lists of %d %s: none passes, version %d that figures need was withdrawn; see --as-of", l.Entities, by, l.Withdrawn)
	case l.Passing == l.Figures:
		return words
	case l.AsOf > 0 && l.AsOf < r.AsOf:
		return words + fmt.Sprintf("; all of them as of version %d", l.AsOf)
	case l.AsOf == 0:
		return words + "; as of no version all of them"
	}
	return words
}
