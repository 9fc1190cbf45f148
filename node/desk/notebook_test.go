package desk

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/clienttest"
)

// linkOf is the path of the link for notebooks in a desk's directory.
func linkOf(v *visitor) string {
	v.Helper()
	file := v.desk.notebookFile()
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		v.Fatalf("the link for notebooks is %v, %v", info, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		v.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(b)), "http://"+v.host)
}

// The link in the file opens the desk once, and another stands there then. A stranger who has none, or a used one, gets
// nothing. The file goes with the desk.
func TestALinkForNotebooksCountsOnce(t *testing.T) {
	v := lonely(t, false)
	first := linkOf(v)
	open := func(path string) int {
		answer, _ := v.send(v.request("GET", path, "", func(r *http.Request) {
			r.Header.Del("Cookie")
			r.Header.Del(headerName)
		}))
		if has := answer.Header.Get(headerName) != ""; has != (answer.StatusCode == http.StatusOK) {
			t.Errorf("%s hands out a session: %t", answer.Status, has)
		}
		return answer.StatusCode
	}
	if got := open(first); got != http.StatusOK {
		t.Fatalf("the link is answered with %d", got)
	}
	second := linkOf(v)
	if second == first || open(first) != http.StatusForbidden || open(openPath+"guessed") != http.StatusForbidden {
		t.Error("a link counts twice, or a guess does")
	}
	if got := open(second); got != http.StatusOK {
		t.Errorf("the next link is answered with %d", got)
	}
	if err := v.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(v.desk.notebookFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the desk the file is there: %v", err)
	}
}

// The notebook of the tree, run as a script against a desk on a cluster, has the figures of the files.
func TestTheNotebookRuns(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: the notebook is not run")
	}
	w := clienttest.New(t)
	publishPlants(w)
	w.Contract("plants", catalog.OrderApprove{Queries: 10})
	dir := t.TempDir()
	visit(t, Options{Client: w.Client(catalog.RoleBuyer), Dir: dir, Version: "test"})
	const script = `
import json, sys
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), "notebook", "exec"), globals())
try:
    weir.query("SELECT SUM(nox) FROM plants WHERE plant = 'p01'", spend=True)
except weir.Error as e:
    print("refused:", e)
try:
    weir.connect("http://127.0.0.1:1/open/x")
except weir.Error as e:
    print("nobody:", e)
`
	cmd := exec.CommandContext(t.Context(), python, "-c", script, filepath.Join("python", "figures.ipynb"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join("python"), "PYTHONDONTWRITEBYTECODE=1", "WEIR_DIR="+dir)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	want := []string{"it would cost 10.00 CNY", "refused: ", "SELECT SUM(nox) FROM plants", "nobody: no desk answers", "True []", "'whole': False", "2 groups withheld by policy: far (0 of 2 entities could be released), near"}
	sums := map[string]int{}
	for p := range 24 {
		for m := 12; m < plantMonths; m++ {
			if nox, ok := plantNOx(p, m); ok {
				sums[plantCounty(p)] += nox
			}
		}
	}
	for county, nox := range sums {
		want = append(want, fmt.Sprintf("'county': '%s', 'nox': Decimal('%d.%d')", county, nox/10, nox%10))
	}
	for _, text := range want {
		if !strings.Contains(string(b), text) {
			t.Errorf("the notebook prints\n%s\nwant in it %s", b, text)
		}
	}
}

// frames is a stand-in for pandas and polars, neither of which has to be installed: it has what the package uses of them,
// and tells what it was given.
const frames = `
class DataFrame:
    def __init__(self, data, columns=None):
        if columns is not None: # pandas: rows as dicts, and which columns
            assert isinstance(data, list) and all(isinstance(r, dict) for r in data), data
            data = {c: [r.get(c) for r in data] for c in columns}
        lengths = {len(v) for v in data.values()}
        assert len(lengths) == 1, lengths
        self.data = data
    def tell(self):
        print(__name__, list(self.data), [list(v) for v in self.data.values()])
`

// With pandas or polars a result is their frame, with coverage and noise as columns and what the result is beside it. The
// first of an answer's rows may have no figure, and an answer no row.
func TestAResultIsAFrame(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: the package is not tested")
	}
	const script = `
import gc, weir
table = {"columns": [{"name": "county", "type": "text", "unit": ""}, {"name": "nox", "type": "decimal", "unit": "kg"}, {"name": "n", "type": "integer", "unit": ""}],
    "rows": [["east", None, 0], ["west", "12.50", 3]], "included": [0, 3], "of": [4, 4], "interval95": [None, [None, "1.25", None]], "omitted_periods": [0, 2]}
def answer(**changes):
    return {"query": "q-1", "dataset": "plants", "version": 2, "whole": False, "shortfall": ["a row is not whole"], "table": dict(table, **changes)}
out = weir._framed(answer(), True)
out.tell()
print(weir.about(out)["query"], weir.about(out)["units"], weir.about(out)["shortfall"])
weir._framed(answer(interval95=None, included=None, of=None, omitted_periods=None), True).tell()
weir._framed(answer(rows=[], interval95=[], included=[], of=[], omitted_periods=[]), True).tell()
gc.collect()
print("kept of others:", sorted(weir._about) == [id(out)] or not weir._about)
print(type(weir._framed(answer(), False)).__name__)
`
	for _, c := range []struct{ module, both string }{{"pandas", ""}, {"polars", ""}, {"pandas", "polars"}} {
		dir := t.TempDir()
		for _, name := range []string{c.module, c.both} {
			if name != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".py"), []byte(frames), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		absent := "pandas"
		if c.module == "pandas" {
			absent = "polars"
		}
		if c.both == "" { // which a machine that has it would find
			if err := os.WriteFile(filepath.Join(dir, absent+".py"), []byte("raise ImportError()"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", script)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+dir+string(os.PathListSeparator)+"python", "PYTHONDONTWRITEBYTECODE=1")
		got, err := cmd.CombinedOutput()
		want := strings.ReplaceAll(`LIB ['county', 'nox', 'n', 'nox_interval95', 'entities_included', 'entities_of', 'periods_left_out'] [['east', 'west'], [None, Decimal('12.50')], [0, 3], [None, Decimal('1.25')], [0, 3], [4, 4], [0, 2]]
q-1 {'nox': 'kg'} ['a row is not whole']
LIB ['county', 'nox', 'n'] [['east', 'west'], [None, Decimal('12.50')], [0, 3]]
LIB ['county', 'nox', 'n'] [[], [], []]
kept of others: True
Rows
`, "LIB", c.module)
		if err != nil || string(got) != want {
			t.Errorf("%s%s: %v\n%s\nwant\n%s", c.module, c.both, err, got, want)
		}
	}
}
