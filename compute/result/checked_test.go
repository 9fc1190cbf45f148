package result

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestEveryFormatSaysWhetherAResultWasChecked: and nothing of it where it was not.
func TestEveryFormatSaysWhetherAResultWasChecked(t *testing.T) {
	members := []string{"n1", "n2", "n3", "n4"}
	for name, x := range map[string]struct {
		checked    *Checked
		text, cell string
	}{
		"not checked":    {nil, "", ""},
		"agreed":         {&Checked{Members: members, Sets: 6, Agree: true}, "checked: all 6 sets of nodes agree (n1, n2, n3, n4)", "6 sets agree"},
		"named":          {&Checked{Members: members, Sets: 6, Suspects: []string{"n2"}}, "node n2 lied and is outvoted", "outvoted: n2"},
		"not named":      {&Checked{Members: members, Sets: 6, Suspects: []string{"n1", "n2"}}, "one of the nodes n1, n2 lied and is outvoted", "outvoted: n1 or n2"},
		"nothing opened": {&Checked{}, "nothing is opened", "nothing opened"},
	} {
		table := &Table{Columns: []Column{{Name: "sum", Type: TypeInteger}}, Rows: [][]any{{int64(5)}}, Checked: x.checked}
		out := map[string]string{}
		for _, format := range []string{FormatTable, FormatCSV, FormatJSON} {
			var b bytes.Buffer
			if err := table.Write(&b, format); err != nil {
				t.Fatal(err)
			}
			out[format] = b.String()
		}
		var read struct{ Checked *Checked }
		if err := json.Unmarshal([]byte(out[FormatJSON]), &read); err != nil {
			t.Fatal(err)
		}
		if x.checked == nil {
			if read.Checked != nil || strings.Contains(out[FormatTable]+out[FormatCSV], "checked") {
				t.Errorf("%s: %v", name, out)
			}
			continue
		}
		if read.Checked == nil || read.Checked.Words() != x.checked.Words() || !strings.Contains(out[FormatTable], x.text) || out[FormatCSV] != "sum,checked\n5,"+x.cell+"\n" {
			t.Errorf("%s: %v", name, out)
		}
	}
}
