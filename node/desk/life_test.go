package desk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/feed"
)

// works24 is a workbook of 24 plants over 24 months with two faults: a letter for a digit, and a month that there is none of.
func works24(t *testing.T, dir string) string {
	t.Helper()
	s := table.Sheet{Columns: []table.Column{{Name: "plant"}, {Name: "county"}, {Name: "month"}, {Name: "NOX"}, {Name: "SO2"}}}
	for p := range 24 {
		for m := range plantMonths {
			tenths, ok := plantNOx(p, m)
			var nox any
			if ok {
				nox = fmt.Sprintf("%d.%d", tenths/10, tenths%10)
			}
			s.Rows = append(s.Rows, []any{fmt.Sprintf("p%02d", p+1), plantCounty(p), fmt.Sprintf("%d-%02d", 2023+m/12, m%12+1), nox, fmt.Sprintf("%d.5", 200+13*p+m)})
		}
	}
	s.Rows[12][3] = strings.Replace(s.Rows[12][3].(string), "0", "O", 1) // row 14
	s.Rows[40][2] = "2024-13"                                            // row 42: plant 2, May 2024
	var b bytes.Buffer
	if err := table.WriteWorkbook(&b, s); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "works.xlsx")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// toldFeed is the configuration of a feed that told of itself, and does not run.
func toldFeed(t *testing.T) string {
	t.Helper()
	dir, at := t.TempDir(), time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	state := feed.State{
		Dataset: "chimneys", Written: at, Kept: feed.Kept{New: 5120, Same: 31, Replaced: 4}, Pending: []feed.PendingPeriod{{Period: "2026-03-01T15", Cells: 40, Due: at}},
		Sources:    map[string]*feed.SourceState{"stacks": {Kind: "hj212", Address: "0.0.0.0:9212", Open: 3, Devices: 4, Last: at, Taken: 5200, Faults: map[string]int64{"crc": 2}}},
		PassedOver: map[string]int64{"out of range": 3}, Examples: map[string]string{"out of range": "station-1 a21002 2026-03-01T14"},
		Appended: &feed.Appended{At: at, Version: 12, Periods: []string{"2026-03-01T14"}},
	}
	told, err := json.Marshal(state)
	config := filepath.Join(dir, "feed.yaml")
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, "state.json"), told, 0o600),
		os.WriteFile(config, []byte(strings.Replace(feed.Example, "dir: /var/lib/weir-feed", "dir: "+dir, 1)), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// fill types a text into a field, in place of what is there.
func (b *tab) fill(selector, text string) {
	b.Helper()
	b.sees("there is "+selector, fmt.Sprintf("Boolean(document.querySelector(%q))", selector))
	js[bool](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); const of = e.tagName === 'TEXTAREA' ? HTMLTextAreaElement : e.tagName === 'SELECT' ? HTMLSelectElement : HTMLInputElement;
		Object.getOwnPropertyDescriptor(of.prototype, 'value').set.call(e, %q); e.dispatchEvent(new Event('input', { bubbles: true })); return e.dispatchEvent(new Event('change', { bubbles: true })); })()`, selector, text))
}

// visitIn opens another desk, or the same again, in the browser.
func (b *tab) visitIn(v *visitor, what string) {
	b.Helper()
	b.run("open the "+what+"'s link", chromedp.Navigate(v.desk.Link()))
	b.sees("the "+what+"'s desk is there", "document.querySelector('main h1') !== null && location.hash === '' || location.pathname === '/'")
}

// The whole life, clicked: a bureau drops a workbook with two faults, sees both, mends and publishes; a buyer finds it and
// orders from a query; the bureau narrows and grants; the buyer is refused, takes the smallest change, and sees the chart; an
// auditor verifies the receipt.
func TestTheWholeLifeIsClicked(t *testing.T) {
	longrun.Only(t)
	chromium(t)
	w := clienttest.New(t)
	downloads := t.TempDir()
	file := works24(t, t.TempDir())
	bureau := visit(t, Options{Client: w.Spooled(t.TempDir()), Dir: t.TempDir(), Version: "test", Feeds: []string{filepath.Join(downloads, "feed.yaml"), toldFeed(t)}})
	buyer := visit(t, Options{Client: w.Client(catalog.RoleBuyer), Dir: t.TempDir(), Version: "test"})
	b := openBrowser(t, downloads, true)

	publishByHand(b, bureau, file)

	b.visitIn(buyer, "buyer")
	b.show("#/inbox")
	b.text("this desk's key is none's")
	b.look("no-publisher")
	b.show("#/catalogue")
	b.text("1 dataset")
	b.click("a", "Emissions of plants")
	b.text("By group")
	b.click("article:nth-of-type(2) a", "Order a contract for this query")
	b.click("fieldset label", "plant") // beside the query's county
	b.run("purpose", chromedp.SendKeys(chromedp.CSS("textarea[name=purpose]"), "sector risk"))
	b.click("button", "Sign and order")
	b.text("Ordered:")

	grantNarrowed(b, w, bureau)

	b.visitIn(buyer, "buyer")
	b.show("#/query")
	b.write("SELECT county, SUM(nox) FROM works WHERE plant = 'p01' AND period = '2024' GROUP BY county")
	b.text("It would be refused.")
	b.click("#explain button.take", "without the condition")
	b.text("4 groups would be released")
	b.click("main button", "Ask")
	b.text("It cost 10.00")
	b.sees("bars are drawn", "document.querySelectorAll('figure svg rect').length >= 4")
	sum := 0
	for p := range 24 {
		for m := 12; m < 24; m++ {
			if n, ok := plantNOx(p, m); ok && plantCounty(p) == "north" {
				sum += n
			}
		}
	}
	b.text(grouped(fmt.Sprintf("%d.%d", sum/10, sum%10)))
	receipt := b.saved(downloads, ".tlog-proof", func() { b.click("#receipt", "Save the receipt") })

	c, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	t.Cleanup(c.Close)
	b.visitIn(visit(t, Options{Client: c, Dir: t.TempDir(), Version: "test"}), "auditor")
	b.show("#/receipt")
	b.run("drop the receipt", chromedp.SetUploadFiles(chromedp.CSS("input[name=receipt]"), []string{receipt}))
	b.text("holds. It proves:")
	b.silent("auditor")
}

// publishByHand drops a workbook, mends it and publishes it.
func publishByHand(b *tab, v *visitor, file string) {
	b.Helper()
	b.visitIn(v, "bureau")
	for _, page := range []string{"inbox", "own"} {
		b.show("#/" + page)
		b.settled()
	}
	b.show("#/publish")
	b.text("Drop files here")
	b.look("publish")
	b.run("drop the workbook", chromedp.SetUploadFiles(chromedp.CSS("input[name=files]"), []string{file}))
	b.text("This is what the columns seem to be.")
	b.look("columns")
	b.fill("input[name=title_en]", "Emissions of plants")
	b.fill("input[name=title_zh]", "工厂排放")
	b.fill("input[name='unit-NOX']", "kg")
	b.fill("input[name='unit-SO2']", "kg")
	b.click("button", "That is what they are")
	b.text("They are described; measures: nox, so2.")
	b.click("button", "Check the files")
	b.text("There are 2 faults.")
	b.settled()
	b.look("faults")
	b.speak("zh")
	b.text("不是数")
	b.speak("en")
	b.text("is no number")
	n, _ := plantNOx(0, 12)
	b.fill("input[name='mend-14-3']", fmt.Sprintf("%d.%d", n/10, n%10))
	b.fill("input[name='mend-42-2']", "2024-05")
	b.click("button", "Mend, and check again")
	b.text("Everything is right.")
	b.fill("input[name=min_cohort]", "3")
	b.fill("input[name=per_query]", "10.00")
	b.click("#policy", "Use this policy")
	b.text("Something was changed since it was checked.")
	b.click("#check", "Check again")
	b.text("Everything is right.")
	b.sees("it is checked anew", "document.querySelector('#publish') && !document.querySelector('#publish').disabled")
	b.run("reload", chromedp.Reload()) // the draft is the desk's, not the page's
	b.text("Everything is right.")
	b.settled()
	b.look("preview")
	b.click("#publish", "Sign, encrypt and publish version 1")
	b.text("works, version 1, is live.")
	b.look("published")
}

// grantNarrowed grants the one order for five queries.
func grantNarrowed(b *tab, w *clienttest.World, v *visitor) {
	b.Helper()
	b.visitIn(v, "bureau")
	b.show("#/inbox")
	b.text("sector risk")
	b.settled()
	b.look("inbox")
	b.click("main h2 a", "Emissions of plants")
	b.text("Any number of queries at 10.00 CNY each.")
	b.fill("input[name=queries]", "5")
	b.text("At most 5 queries at 10.00 CNY: you get at most 50.00 CNY.")
	b.sees("the difference is shown", "document.querySelectorAll('#diff ins').length === 1")
	b.settled()
	b.look("received")
	b.click("button", "Sign and grant it narrowed")
	b.text("granted")
	orders, err := client.Orders.All(w.Ctx, w.Client(catalog.RolePublisher))
	w.Must(err)
	k, err := exchange.Contract(w.Ctx, w.Client(catalog.RolePublisher), orders[0].Contract)
	w.Must(err)
	if k.Queries != 5 || k.Purpose != "sector risk" {
		b.Errorf("what was granted is %+v", k)
	}
	b.click("nav a", "My datasets")
	b.text("Privacy ledger")
	b.settled()
	b.look("own")
	b.click("table a", "Emissions of plants")
	b.text("Who asked what")
	b.click("summary", "Change texts, price or policy")
	b.fill("details[open] input[name=per_query]", "12.00")
	b.click("button", "Show what changes")
	b.sees("the change is shown", "document.querySelectorAll('#changes tbody tr').length === 1")
	b.look("own-dataset")
	b.show("#/feeds")
	b.settled()
	b.text("feed.yaml")
	b.look("feeds")
}
