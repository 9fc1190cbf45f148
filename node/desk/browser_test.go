package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

// plantsDescriptor describes what the browser's buyer asks: monthly emissions of plants, for a price.
const plantsDescriptor = `
dataset: plants
title: {en: Monthly emissions of plants, zh: 工厂逐月排放}
description:
  en: Emissions of nitrogen oxides and sulphur dioxide that plants measured at their stacks, month by month.
  zh: 工厂在排口监测的氮氧化物和二氧化硫逐月排放量。
license: internal
entity: {registry: plants, column: plant}
period: {column: month, grain: month}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: nox, column: NOX, unit: kg, range: [0, 100000], decimals: 1}
  - {name: so2, column: SO2, unit: kg, range: [0, 100000], decimals: 1}
policy: {aggregates: [count, sum, avg], grain: month, min_cohort: 3, cubes: [[county]]}
price: {per_query: "10.00", currency: CNY}
`

// plantMonths is how many months the plants have readings of, from January 2023 on.
const plantMonths = 24

// plantCounty is the county of a plant.
func plantCounty(p int) string { return []string{"north", "south", "west", "east"}[p%4] }

// plantNOx is a plant's reading in tenths; ok is false where there is none.
func plantNOx(p, m int) (tenths int, ok bool) {
	return 8000 + 731*p + 450*((m*5+p)%12), p != 5 || m >= 6
}

func publishPlants(w *clienttest.World) {
	w.Helper()
	c := w.Client(catalog.RolePublisher)
	registry := publish.RegistryTable{ID: "plants", IDColumn: "plant", Columns: []string{"county"}}
	var csv strings.Builder
	csv.WriteString("plant,month,NOX,SO2\n")
	for p := range 24 {
		registry.Rows = append(registry.Rows, []string{fmt.Sprintf("p%02d", p+1), plantCounty(p)})
		for m := range plantMonths {
			nox, ok := plantNOx(p, m)
			text := ""
			if ok {
				text = fmt.Sprintf("%d.%d", nox/10, nox%10)
			}
			fmt.Fprintf(&csv, "p%02d,%d-%02d,%s,%d.5\n", p+1, 2023+m/12, m%12+1, text, 200+13*p+m)
		}
	}
	_, err := publish.Registry(w.Ctx, c, registry, nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, c, w.Prepare(c, plantsDescriptor, csv.String()), nil)
	w.Must(err)
}

// chromium is a browser's path; the test skips where there is none.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("WEIR_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if file, err := exec.LookPath(name); name != "" && err == nil {
			return file
		}
	}
	t.Skip("there is no chromium here: what a browser does with the desk is not tested (apt-get install chromium)")
	return ""
}

// tab is a tab of a browser that is looked over the shoulder.
type tab struct {
	testing.TB
	ctx         context.Context
	screenshots string // a directory; empty: none are kept
	axe         string // axe-core's script; empty: it is not here

	looks bool // pages are looked at

	saves chan string // names of files that were saved

	mu     sync.Mutex
	faults []string // guarded by mu; what the browser complained of
}

func openBrowser(t *testing.T, downloads string, looks bool) *tab {
	t.Helper()
	allocator, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.WindowSize(1200, 900), chromedp.Flag("lang", "en-GB"), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-prefers-reduced-motion", true), chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(stop)
	all, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(all); err != nil && !errors.Is(err, context.Canceled) {
			t.Log(err)
		}
		end()
	})
	if err := chromedp.Do(all); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(all, 15*time.Minute)
	t.Cleanup(cancel)
	b := &tab{TB: t, ctx: ctx, looks: looks, screenshots: os.Getenv("WEIR_SCREENSHOTS"), saves: make(chan string, 16)}
	if file := os.Getenv("WEIR_AXE"); file != "" {
		script, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			t.Fatal(err)
		}
		b.axe = string(script)
	} else if b.looks {
		t.Log("WEIR_AXE does not name axe.min.js: accessibility is not tested (.ci/web installs it)")
	}
	names := map[string]string{}
	err := errors.Join(chromedp.Listen(ctx, b.overhear), chromedp.ListenBrowser(ctx, func(event any) {
		switch e := event.(type) {
		case *browser.EventDownloadWillBegin:
			names[e.GUID] = e.SuggestedFilename
		case *browser.EventDownloadProgress:
			if e.State == browser.DownloadProgressStateCompleted {
				b.saves <- names[e.GUID]
			}
		}
	}))
	yes := true
	if err == nil {
		_, err = chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: downloads, EventsEnabled: &yes,
		})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// overhear keeps what the browser complains of.
func (b *tab) overhear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, a := range e.Args {
				b.faults = append(b.faults, fmt.Sprintf("console: %s %s", a.Value, a.Description))
			}
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && !strings.Contains(e.Entry.Text, "status of 4") { // refusals are problems
			// Chromium's own editing gives what is typed in the place of coloured text that text's style, which the
			// policy forbids, and the editor draws it anew. No script is behind it.
			if e.Entry.StackTrace == nil && strings.Contains(e.Entry.Text, "inline style") && strings.Contains(e.Entry.URL, "#/query") {
				return
			}
			b.faults = append(b.faults, fmt.Sprintf("log: %s %s:%d", e.Entry.Text, e.Entry.URL, e.Entry.LineNumber))
		}
	}
}

// patience is how long a step of the browser may take on a machine with other work.
const patience = 90 * time.Second

// run does something in the tab; a fault of the page shows where it was.
func (b *tab) run(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.lost(what, err)
	}
}

// js evaluates an expression, and waits for the promise that it may be.
func js[T any](b *tab, expression string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.lost(expression, err)
	}
	return v
}

// lost ends the test, with what the page shows.
func (b *tab) lost(what string, err error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body?.innerText`)) //nolint:errcheck // the first error says what is wrong
	b.picture("fault")
	b.Fatalf("%.300s: %v\n%s\n%s", what, err, shown, strings.Join(b.complaints(), "\n"))
}

func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.faults
	b.faults = nil
	return out
}

// sees waits until an expression of the page is true.
func (b *tab) sees(what, expression string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if is && err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.lost("wait until "+what, errors.Join(err, ctx.Err()))
		}
	}
}

// text waits until the page says something.
func (b *tab) text(words string) {
	b.Helper()
	quoted, err := json.Marshal(words)
	if err != nil {
		b.Fatal(err)
	}
	b.sees("it says "+words, "document.querySelector('main')?.innerText.includes("+string(quoted)+")")
}

// show goes to a page of the desk.
func (b *tab) show(to string) {
	b.Helper()
	js[string](b, fmt.Sprintf("location.hash = %q", to))
}

// click clicks what has the words on it.
func (b *tab) click(selector, words string) {
	b.Helper()
	expression := fmt.Sprintf("[...document.querySelectorAll(%q)].find((e) => e.innerText.trim().includes(%q) && !e.disabled)", selector, words)
	b.sees("there is "+words, "Boolean("+expression+")")
	js[bool](b, expression+".click() || true")
}

// write writes a query into the editor, in place of what is there.
func (b *tab) write(sql string) {
	b.Helper()
	b.sees("the editor is there", "Boolean(document.querySelector('#editor')?.shadowRoot?.querySelector('.cm-content'))")
	js[bool](b, `document.querySelector('#editor').shadowRoot.querySelector('.cm-content').focus() || true`)
	b.run("select all", chromedp.KeyEvent("a", chromedp.KeyModifiers(kb.ModifierCtrl)))
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: sql}); err != nil {
		b.lost("write "+sql, err)
	}
}

// picture keeps a picture of the whole page, where they are wanted.
func (b *tab) picture(name string) {
	b.Helper()
	if b.screenshots == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Logf("no picture of %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(b.screenshots, name+".png"), png, 0o600); err != nil {
		b.Error(err)
	}
}

// settled waits until nothing is loading.
func (b *tab) settled() {
	b.Helper()
	b.sees("nothing is loading", "!document.querySelector('main [aria-busy=true]') && document.querySelector('main h1') !== null")
}

// look looks at a page in both languages and both colours, and at 360 pixels: what it says is complete, it is not wider
// than the window, and axe-core finds nothing serious.
func (b *tab) look(name string) {
	b.Helper()
	if !b.looks {
		b.silent(name)
		return
	}
	choose := func(n int, value string) {
		js[bool](b, fmt.Sprintf(`(() => { const s = document.querySelectorAll('.switches select')[%d]; s.value = %q; return s.dispatchEvent(new Event('change', { bubbles: true })); })()`, n, value))
	}
	drawn := func() {
		js[bool](b, "new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))")
	}
	for _, language := range []string{"en", "zh"} {
		choose(0, language)
		b.settled()
		for _, colours := range []string{"light", "dark"} {
			choose(1, colours)
			b.sees("it is "+colours, fmt.Sprintf("document.documentElement.dataset.theme === %q", colours))
			drawn()
			b.picture(name + "-" + language + "-" + colours)
			b.accessible(name + ", " + language + ", " + colours)
		}
		b.run("narrow", chromedp.EmulateViewport(360, 740))
		drawn()
		if wide := js[int](b, "document.documentElement.scrollWidth"); wide > 360 {
			what := js[string](b, `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > 361 && !e.closest('.scroll')).slice(0, 5).map((e) => e.tagName + '.' + e.className + ' ' + Math.round(e.getBoundingClientRect().right)).join('; ')`)
			b.Errorf("%s in %s is %d pixels wide at 360: %s", name, language, wide, what)
		}
		b.picture(name + "-" + language + "-narrow")
		b.run("wide", chromedp.EmulateViewport(1200, 900))
	}
	choose(0, "en")
	choose(1, "light")
	b.settled()
	b.silent(name)
}

// speak chooses the page's language.
func (b *tab) speak(language string) {
	b.Helper()
	js[bool](b, fmt.Sprintf(`(() => { const s = document.querySelector('.switches select'); s.value = %q; return s.dispatchEvent(new Event('change', { bubbles: true })); })()`, language))
}

// silent fails the test if the browser complained of something.
func (b *tab) silent(where string) {
	b.Helper()
	if faults := b.complaints(); len(faults) > 0 {
		b.Errorf("%s: the browser complains: %s", where, strings.Join(faults, "\n"))
	}
}

// accessible lets axe-core look at the page.
func (b *tab) accessible(where string) {
	b.Helper()
	if b.axe == "" {
		return
	}
	type violation struct {
		ID     string `json:"id"`
		Impact string `json:"impact"`
		Help   string `json:"help"`
		Nodes  []struct {
			HTML    string `json:"html"`
			Failure string `json:"failureSummary"`
		} `json:"nodes"`
	}
	js[int](b, "if (!window.axe) {"+b.axe+"}; 0")
	found := js[[]violation](b, "axe.run(document, { resultTypes: ['violations'], preload: false }).then((r) => r.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => ({ html: n.html, failureSummary: n.failureSummary })) })))")
	for _, v := range found {
		for _, n := range v.Nodes {
			b.Errorf("%s: %s (%s): %s: %.200s: %s", where, v.ID, v.Impact, v.Help, n.HTML, n.Failure)
		}
	}
}

// saved waits for a file that the browser saves.
func (b *tab) saved(downloads, ending string, do func()) string {
	b.Helper()
	do()
	select {
	case name := <-b.saves:
		if !strings.HasSuffix(name, ending) {
			b.Fatalf("%s is saved, want one that ends in %s", name, ending)
		}
		return filepath.Join(downloads, name)
	case <-time.After(time.Minute):
		b.lost("save a file", errors.New("none is saved"))
		return ""
	}
}

// The life of a buyer and of an auditor, clicked: find, order, be refused, take the smallest change, see the figures and
// the chart, reload, save the receipt, and verify it in a desk without a key when no node runs.
func TestABuyerAndAnAuditorInABrowser(t *testing.T) { clickThrough(t, false) }

// Every page is complete in both languages and both colours, fits into 360 pixels, and has nothing that axe-core finds.
// With WEIR_SCREENSHOTS its pictures are kept in that directory.
func TestEveryPageInABrowser(t *testing.T) {
	longrun.Only(t)
	clickThrough(t, true)
}

// clickThrough is that life; with looks, every page is looked at on the way.
func clickThrough(t *testing.T, looks bool) {
	chromium(t)
	w := clienttest.New(t)
	w.PublishAir()
	publishPlants(w)
	w.Contract("air", catalog.OrderApprove{})
	downloads := t.TempDir()
	v := visit(t, Options{Client: w.Client(catalog.RoleBuyer), Dir: t.TempDir(), Version: "test", Postgres: "127.0.0.1:0"})
	b := openBrowser(t, downloads, looks)

	link := v.desk.Link()
	b.run("open the link", chromedp.Navigate(link))
	b.text("2 datasets")
	t.Logf("first contentful paint after %.0f ms, on loopback (at most 300 are wanted)", js[float64](b, "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"))
	b.look("catalogue")
	b.run("search", chromedp.SendKeys(chromedp.CSS("input[name=q]"), "NOx"))
	b.text("1 dataset")
	b.click("a", "Monthly emissions of plants")
	b.text("Dictionary")
	b.sees("the plot is drawn", "document.querySelectorAll('figure canvas').length === 1")
	b.text("By group")
	b.settled()
	b.look("listing")

	// An order made of a sample query, which the publisher grants.
	b.click("article:nth-of-type(2) a", "Order a contract for this query")
	b.text("The narrowest contract")
	b.settled()
	b.look("order")
	b.run("purpose", chromedp.SendKeys(chromedp.CSS("textarea[name=purpose]"), "sector risk, annual review"))
	b.click("button", "Sign and order")
	b.text("Ordered:")
	orders, err := client.Orders.All(w.Ctx, w.Client(catalog.RolePublisher))
	w.Must(err)
	order := orders[len(orders)-1]
	if order.Dataset != "plants" || order.Purpose != "sector risk, annual review" || order.Scope == nil || strings.Join(order.Measures, " ") != "nox" {
		t.Errorf("what was ordered is %+v", order)
	}
	// What is refused next is none of that contract's: the publisher grants a wider one beside it.
	id, err := w.Client(catalog.RoleBuyer).CreateOrder(w.Ctx, catalog.OrderCreate{Dataset: "plants", Purpose: "the browser's test", Budget: "500.00"})
	w.Must(err)
	_, err = w.Client(catalog.RolePublisher).ApproveOrder(w.Ctx, catalog.OrderApprove{Order: id})
	w.Must(err)
	b.click("nav a", "Contracts")
	b.text("the browser's test")
	b.settled()
	b.look("contracts")

	// A misspelt name, one plant, and the smallest change of that.
	b.click("nav a", "Ask")
	rounds := 1
	if looks { // what is typed while a change is taken stays, and neither goes round in circles
		rounds = 8
	}
	for range rounds {
		b.write("SELECT conuty, SUM(nox) FROM plants WHERE plant = 'p01' AND period = '2024'")
		b.click("#explain button", "Put county in the place of conuty")
		b.write("SELECT county, SUM(nox) FROM plants WHERE plant = 'p01' AND period = '2024' GROUP BY county")
		b.text("It would be refused.")
	}
	b.sees("a change is offered", "document.querySelectorAll('#explain button.take').length === 1")
	b.speak("zh")
	b.text("没有可发布的结果：")
	b.sees("the change is in Chinese", "document.querySelector('#explain button.take span').innerText.includes('去掉对实体的条件')")
	b.speak("en")
	b.text("nothing can be released:")
	b.settled()
	b.look("refused")
	b.click("#explain button.take", "without the condition")
	b.text("4 groups would be released")
	b.settled()
	b.look("explained")
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
	figure := grouped(fmt.Sprintf("%d.%d", sum/10, sum%10))
	b.text(figure)
	b.settled()
	b.look("answer")

	// It is there again after a reload, is free, and has its receipt.
	b.run("reload", chromedp.Reload())
	b.text(figure)
	receipt := b.saved(downloads, ".tlog-proof", func() { b.click("#receipt", "Save the receipt") })
	for _, ending := range []string{"xlsx", "parquet", "png"} {
		b.saved(downloads, "."+ending, func() { b.click("main button", "Save "+strings.ToUpper(ending)) })
	}
	b.write("SELECT date_trunc('month', period) AS month, county, SUM(nox) FROM plants GROUP BY month, county")
	b.text("96 groups would be released")
	b.click("main button", "Ask")
	b.sees("lines are drawn", "document.querySelectorAll('figure canvas').length === 1")
	b.settled()
	b.look("lines")
	b.click("nav a", "History")
	b.text("SELECT date_trunc")
	b.settled()
	b.look("history")
	b.click("td a", "Read")
	b.text("From this machine's own store")
	b.look("kept")
	b.click("nav a", "Contracts")
	b.click("table a", "c-")
	b.text("Term")
	b.settled()
	b.look("statement")
	b.click("nav a", "Portfolios")
	b.settled()
	b.look("portfolios")
	registerPortfolio(b)
	b.show("#/query")
	b.click("main a", "Ask from psql")
	b.text(v.desk.Postgres().PasswordFile)
	b.text("-p " + v.desk.Postgres().Port + " -U weir weir")
	b.settled()
	b.look("tools")

	// An auditor, who has the profile and the receipt alone, when no node runs.
	for _, s := range w.Servers {
		s.CloseClientConnections()
		s.Close()
	}
	c, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	t.Cleanup(c.Close)
	auditor := visit(t, Options{Client: c, Dir: t.TempDir(), Version: "test"})
	b.complaints() // what the first desk's page says of nodes that are gone
	b.run("open the auditor's link", chromedp.Navigate(auditor.desk.Link()))
	b.text("Try again") // the catalogue cannot be had
	b.complaints()
	b.show("#/tools")
	b.text("It is turned off.")
	b.look("tools-off")
	b.show("#/receipt")
	b.text("Drop a receipt here")
	b.run("drop the receipt", chromedp.SetUploadFiles(chromedp.CSS("input[name=receipt]"), []string{receipt}))
	b.text("holds. It proves:")
	b.text("10.00 CNY")
	b.look("receipt")
	other, err := filepath.Abs("openapi.json")
	w.Must(err)
	b.run("drop something else", chromedp.SetUploadFiles(chromedp.CSS("input[name=receipt]"), []string{other}))
	b.text("The receipt does not hold.")
	b.complaints()

	// Another origin's page in this browser, which has both desks' cookies.
	hostile := visitHostile(t)
	b.run("a hostile page", chromedp.Navigate(hostile))
	got := js[[]string](b, fmt.Sprintf(hostilePage, v.host))
	for _, what := range got {
		if !strings.HasSuffix(what, ": nothing") {
			t.Errorf("a hostile page gets something by %s", what)
		}
	}
	if len(got) != 7 {
		t.Errorf("it tried %q", got)
	}
}

// registerPortfolio drops lists of plants: what stays of them stands in their rows. The last one is registered.
func registerPortfolio(b *tab) {
	b.Helper()
	file := func(name, text string) []string {
		path := filepath.Join(b.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		return []string{path}
	}
	b.run("drop a list with a double", chromedp.SetUploadFiles(chromedp.CSS("input[name=portfolio]"), file("borrowers.csv", "name,plant\nRiver Works,p01\nHill Works,p02\nRiver Works,p01\n")))
	b.text("stands in row 2 already")
	b.sees("it is not registered", "document.querySelector('#register').disabled && document.querySelectorAll('#preview tr.wrong').length === 1")
	b.settled()
	b.look("portfolio-faults")
	list := "name,plant,balance,band\nNobody,zz9,1.00,low\n"
	for i, p := range []int{0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13} { // three of each county, with all their readings
		list += fmt.Sprintf("Works %d,p%02d,%d.50,%s\n", p+1, p+1, 100*p, []string{"high", "low"}[i/6])
	}
	b.run("drop a list", chromedp.SetUploadFiles(chromedp.CSS("input[name=portfolio]"), file("borrowers.csv", list)))
	b.text("12 entities of 13 rows; registry plants has 24.")
	b.click("label", "county")
	b.fill("textarea[name=for]", "SELECT county, SUM(nox) FROM plants WHERE entity IN PRIVATE(borrowers) AND period = '2024' GROUP BY county")
	b.text("What the query would be answered with")
	b.text("What they do not learn")
	b.sees("without leave to go on without an id it is not registered", "document.querySelector('#register').disabled")
	b.click("label", "Go on without the id")
	b.sees("then it may be", "!document.querySelector('#register').disabled")
	b.settled()
	b.look("portfolio-preview")
	b.fill("select[name=kind]", "weights")
	b.fill("select[name=column]", "balance")
	b.text("more than 655.35, the largest of 16 bits with 2 decimals")
	b.fill("input[name=bits]", "20")
	b.text("10485.75")
	b.text("any weight, even whether it is 0")
	b.settled()
	b.look("portfolio-weights")

	// Registered it is there after a reload, and is asked from there.
	b.fill("select[name=kind]", "list")
	b.sees("it may be registered", "!document.querySelector('#register').disabled && !document.querySelector('#preview [aria-busy=true]')")
	b.click("#register", "Register borrowers version 1")
	b.text("is registered as version 1.")
	b.text("12 entities are on it.")
	b.run("reload", chromedp.Reload())
	b.text("is registered as version 1.")
	b.sees("it is listed", "[...document.querySelectorAll('table th[scope=row]')].some((e) => e.innerText === 'borrowers')")
	b.settled()
	b.look("portfolio-registered")
	b.click("main a", "Ask with it")
	b.sees("the query is written", "document.querySelector('#editor')?.shadowRoot?.querySelector('.cm-content')?.innerText.includes('PRIVATE(borrowers)')")
}

// grouped writes a figure as the page does.
func grouped(text string) string {
	whole, rest, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	return whole + "." + rest
}
