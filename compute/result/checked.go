package result

import (
	"fmt"
	"strings"
)

// Checked is what comparing the answers of several sets of nodes told of a result (PROTOCOL.md section 3.7).
type Checked struct {
	Members []string `json:"members"` // who opened it; none where nothing is opened
	Sets    int      `json:"sets"`
	Agree   bool     `json:"agree"` // all sets
	// Suspects are the members one of whom lied and is outvoted; none where all agree. One alone is named.
	Suspects []string `json:"suspects,omitempty"`
}

// Words says in one sentence what the check told.
func (c *Checked) Words() string {
	switch {
	case c.Sets == 0:
		return "checked: nothing is opened, counts are public"
	case c.Agree:
		return fmt.Sprintf("checked: all %d sets of nodes agree (%s)", c.Sets, strings.Join(c.Members, ", "))
	case len(c.Suspects) == 1:
		return fmt.Sprintf("checked: node %s lied and is outvoted by the sets without it (%d sets of %s); tell its operator", c.Suspects[0], c.Sets, strings.Join(c.Members, ", "))
	}
	return fmt.Sprintf("checked: one of the nodes %s lied and is outvoted (%d sets of %s), and the answers do not tell which; tell their operators",
		strings.Join(c.Suspects, ", "), c.Sets, strings.Join(c.Members, ", "))
}

// cell is the check in a column of files.
func (c *Checked) cell() string {
	switch {
	case c.Sets == 0:
		return "nothing opened"
	case c.Agree:
		return fmt.Sprintf("%d sets agree", c.Sets)
	}
	return "outvoted: " + strings.Join(c.Suspects, " or ")
}
