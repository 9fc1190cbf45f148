package desk

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/dev"
)

// realNodes starts three nodes as processes of the program, and publishes the plants.
func realNodes(ctx context.Context, t *testing.T) (c *dev.Cluster, as func(principal string) *client.Client) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "weir")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/weirdata/weir/cmd/weir").CombinedOutput(); err != nil { //nolint:gosec // G204: a constant command
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	c, err := dev.Start(ctx, dev.Options{Dir: t.TempDir(), Command: []string{program}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	as = func(principal string) *client.Client {
		cl, err := c.Client(principal)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return cl
	}
	bureau := as(dev.Bureau)
	registry, csv := plantFiles()
	if _, err := publish.Registry(ctx, bureau, registry, nil); err != nil {
		t.Fatal(err)
	}
	source, err := panel.ReadDescriptor("plants.yaml", strings.NewReader(plantsDescriptor))
	if err != nil {
		t.Fatal(err)
	}
	file := panel.File{Name: "plants.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
	p, err := publish.Prepare(ctx, source, []panel.File{file}, bureau, nil)
	if err == nil {
		_, err = publish.Publish(ctx, bureau, p, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, as
}

// Desks in a browser before real nodes. The operator sees one killed and come back. The buyer's portfolio and loan book are
// registered and asked by clicks, and answered with what plain addition gives.
func TestRealNodesInABrowser(t *testing.T) {
	longrun.Only(t)
	chromium(t)
	ctx := t.Context()
	cluster, as := realNodes(ctx, t)

	operator := visit(t, Options{Client: as(dev.Operator), Dir: t.TempDir(), Watch: 200 * time.Millisecond, Version: "test"})
	b := openBrowser(t, t.TempDir(), os.Getenv("WEIR_SCREENSHOTS") != "")
	b.visitIn(operator, "operator")
	b.click("header nav a", "Nodes")
	b.text("3 of 3 can take work")
	if err := cluster.Kill("n3"); err != nil {
		t.Fatal(err)
	}
	b.text("2 of 3 can take work")
	b.text("Node n3 does not answer.")
	b.settled()
	b.look("real-nodes-away")
	b.complaints() // what is loaded while a node is away may be told by the browser
	if err := cluster.StartNode("n3"); err != nil {
		t.Fatal(err)
	}
	b.text("3 of 3 can take work")
	b.settled()
	b.look("real-nodes")

	buyer, bureau := as(dev.Buyer), as(dev.Bureau)
	order, err := exchange.CreateOrder(ctx, buyer, catalog.OrderCreate{Dataset: "plants", Purpose: "financed emissions", Budget: "500.00", Portfolio: true})
	if err == nil {
		_, err = exchange.ApproveOrder(ctx, bureau, catalog.OrderApprove{Order: order})
	}
	if err != nil {
		t.Fatal(err)
	}
	b.complaints()
	b.visitIn(visit(t, Options{Client: buyer, Dir: t.TempDir(), Version: "test"}), "buyer")
	b.show("#/portfolios")
	registerPortfolio(b)
	b.text("4 groups would be released")
	b.click("main button", "Ask")
	b.text("It cost 10.00")
	sums, financed, book := map[string]int{}, 0, "plant,name,outstanding,equity,debt\n"
	for i, p := range borrowers {
		for m := range 12 {
			before, _ := plantNOx(p, m)
			now, _ := plantNOx(p, m+12)
			sums[plantCounty(p)] += now
			// A quarter of the first six is financed, and a half of the others. It is asked of the year before: a period
			// has one list.
			financed += before * 25 * (1 + i/6)
		}
		book += fmt.Sprintf("p%02d,Works %d,%d.50,300,%d\n", p+1, p+1, 100+100*(i/6), 102-i/6)
	}
	for _, tenths := range sums {
		b.text(grouped(fmt.Sprintf("%d.%d", tenths/10, tenths%10)))
	}
	b.settled()
	b.look("real-portfolio")

	b.click("nav a", "Portfolios")
	b.click("main a", "Financed emissions of a loan book")
	b.sees("the dataset is there", "document.querySelector('select[name=dataset]')?.value === 'plants'")
	path := filepath.Join(t.TempDir(), "loans.csv")
	if err := os.WriteFile(path, []byte(book), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run("drop a loan book", chromedp.SetUploadFiles(chromedp.CSS("input[name=book]"), []string{path}))
	b.text("12 of 12 loans would be in the figures")
	b.fill("input[name=list]", "loans")
	b.fill("input[name=period]", "2023")
	b.sees("it may be asked", "!document.querySelector('#ask').disabled")
	b.click("#ask", "Register and ask")
	b.text("It is answered.")
	financed = (financed + 500) / 1000 // thousandths of kilograms are told as tonnes
	b.text(fmt.Sprintf("%d.%03d", financed/1000, financed%1000))
	b.settled()
	b.look("real-book")
	b.silent("buyer")
}
