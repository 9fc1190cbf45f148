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
	want := []string{"it would cost 10.00 CNY", "refused: ", "SELECT SUM(nox) FROM plants", "nobody: no desk answers", "True []", "'whole': True"}
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
