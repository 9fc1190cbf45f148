package publisher

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/weirdata/weir/node/client/news"
	"github.com/weirdata/weir/node/client/publish"
)

// closedHelp says what --closed-to is for.
const closedHelp = `
A period of the policy's grain becomes final with the first version that has it whole:
by default all to whose end the data reaches. A month is not settled by its first
days; where even the last whole one is still provisional, say with --closed-to which
is the last that is not. What is not closed is in no figure yet.
`

// closedTo is the flag that says which periods become final.
type closedTo struct{ period string }

// apply sets which periods become final, and refuses what cannot.
func (c closedTo) apply(p *publish.Prepared) error {
	err := p.CloseTo(c.period)
	if err != nil && c.period != "" {
		return fmt.Errorf("--closed-to: %w", err)
	}
	return err
}

// describePublished says what a publication changed, and what could not be told.
func describePublished(done publish.Published, descriptor string) []string {
	var out []string
	if c := done.Changes; c != nil && *c != (news.Changes{}) {
		out = append(out, "of the version before, "+describeChanges(*c))
	}
	if len(done.Lost) > 0 {
		out = append(out, "warning: "+describeLostRecords(done.Lost, done.Undeclared, described{done.Dataset, descriptor}, true))
	}
	return out
}

// describeChanges says how many readings are others.
func describeChanges(c news.Changes) string {
	var out []string
	for _, x := range []struct {
		n         int
		one, many string
	}{
		{c.Corrected, "reading is corrected", "readings are corrected"}, {c.Late, "reading came late", "readings came late"}, {c.Removed, "reading is gone", "readings are gone"},
	} {
		if x.n > 0 {
			out = append(out, english.Plural(x.n, x.one, x.many))
		}
	}
	if len(out) == 0 {
		return "no reading is another one"
	}
	return strings.Join(out, ", ")
}

// describeLostRecords says what it costs that records are lost, and by which commands they are made
// again. descriptor is the file that describes one of the datasets, if it is at hand.
// published: it is too late for the version that it is about.
func describeLostRecords(lost []news.Edition, undeclared int, descriptor described, published bool) string {
	var names, commands []string
	for _, at := range lost {
		names = append(names, fmt.Sprintf("version %d of %s", at.Version, at.Dataset))
		commands = append(commands, fmt.Sprintf("`weir dataset remember %s FILE... --version %d`", descriptor.of(at.Dataset), at.Version))
	}
	when := "Publish on the machine that has the records, or make them again before you publish"
	if published {
		when = "Before the next version is published make the records again, or publish it on the machine that has them"
	}
	return fmt.Sprintf("this machine has no record of the readings of %s, so nobody can tell what is new against them, and nothing is declared for %s: "+
		"figures that were released there stay as they are, and what is published so is held back for good, in later versions too; periods that are new altogether are not concerned. "+
		"%s: run %s, where FILE... have all readings of that version, as they were published",
		strings.Join(names, ", "), english.Plural(undeclared, "measure and period", "measures and periods"), when, strings.Join(commands, " and "))
}

// described is a dataset and the file that describes it.
type described struct{ dataset, file string }

// of names the descriptor's file of a dataset; where it is not known, whose it is.
func (d described) of(dataset string) string {
	if d.dataset == dataset && d.file != "" {
		return d.file
	}
	return "DESCRIPTOR-OF-" + dataset + ".yaml"
}
