package desk

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/financed"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/buyer"
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

// plants is how many there are. The last four are two by two in counties that are withheld.
const plants = 28

// plantCounty is the county of a plant.
func plantCounty(p int) string {
	if p >= 24 {
		return []string{"far", "near"}[p%2]
	}
	return []string{"north", "south", "west", "east"}[p%4]
}

// plantNOx is a plant's reading in tenths; ok is false where there is none.
func plantNOx(p, m int) (tenths int, ok bool) {
	return 8000 + 731*p + 450*((m*5+p)%12), p != 5 || m >= 6
}

// plantFiles are the registry of the plants and their readings as CSV.
func plantFiles() (registry publish.RegistryTable, readings string) {
	registry = publish.RegistryTable{ID: "plants", IDColumn: "plant", Columns: []string{"county"}}
	var csv strings.Builder
	csv.WriteString("plant,month,NOX,SO2\n")
	for p := range plants {
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
	return registry, csv.String()
}

func publishPlants(w *clienttest.World) {
	w.Helper()
	c := w.Client(catalog.RolePublisher)
	registry, csv := plantFiles()
	_, err := publish.Registry(w.Ctx, c, registry, nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, c, w.Prepare(c, plantsDescriptor, csv), nil)
	w.Must(err)
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

// A link that is followed as soon as the page shows it leads where it says. (The page listened for that a frame later.)
func TestALinkIsFollowedBeforeTheFirstFrame(t *testing.T) {
	chromium(t)
	w := clienttest.New(t)
	v := visit(t, Options{Client: w.Client(catalog.RoleBuyer), Dir: t.TempDir(), Version: "test"})
	b := openBrowser(t, t.TempDir(), false)
	if _, err := chromedp.Call(b.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		new MutationObserver((_, o) => {
			if (!document.querySelector('.switches')) return;
			o.disconnect();
			location.hash = '#/receipt';
		}).observe(document, { childList: true, subtree: true });`}); err != nil {
		t.Fatal(err)
	}
	b.run("open the link", chromedp.Navigate(v.desk.Link()))
	b.text("Verify a receipt")
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
	id, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: "plants", Purpose: "the browser's test", Budget: "500.00"})
	w.Must(err)
	_, err = exchange.ApproveOrder(w.Ctx, w.Client(catalog.RolePublisher), catalog.OrderApprove{Order: id})
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
	b.speak("zh")
	b.text("28 个实体中计入 24 个")
	b.sees("what nodes learn is in Chinese", "document.querySelector('#explain details:last-child p').textContent.startsWith('请求、各组及组数')")
	b.speak("en")
	b.text("24 of 28 entities are included")
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
	b.speak("zh")
	b.text("按政策不发布 2 组：")
	b.speak("en")
	b.text("2 groups withheld by policy")
	b.settled()
	b.look("answer")

	// It is there again after a reload, is free, and has its receipt.
	b.run("reload", chromedp.Reload())
	b.text(figure)
	receipt := b.saved(downloads, ".tlog-proof", func() { b.click("#receipt", "Save the receipt") })
	for _, ending := range []string{"xlsx", "parquet", "png"} {
		b.saved(downloads, "."+ending, func() { b.click("main button", "Save "+strings.ToUpper(ending)) })
	}
	drawOnMap(b, downloads, figure)
	b.write("SELECT date_trunc('month', period) AS month, county, SUM(nox) FROM plants GROUP BY month, county")
	b.text("96 groups would be released")
	b.click("main button", "Ask")
	if looks { // the map is there for this query, too: one for each month
		b.fill("select[name=part]", "2023-03")
		b.text("2023-03 · ")
		b.settled()
		b.look("map-month")
	}
	b.click("fieldset label", "Lines")
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
	askAboutABook(b, func() {
		id, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: "plants", Purpose: "financed emissions", Budget: "500.00", Portfolio: true})
		w.Must(err)
		_, err = exchange.ApproveOrder(w.Ctx, w.Client(catalog.RolePublisher), catalog.OrderApprove{Order: id})
		w.Must(err)
	})
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

// countiesMap is a map of the plants' counties, and of one more, whose borders are bent.
func countiesMap() string {
	ring := func(places ...[2]float64) string {
		text := ""
		for _, p := range append(places, places[0]) {
			text += fmt.Sprintf("[%.4f,%.4f],", 115+p[0], 37+p[1])
		}
		return "[" + strings.TrimSuffix(text, ",") + "]"
	}
	line := func(x0, y0, x1, y1 float64) (out [][2]float64) {
		for i := range 60 {
			f := float64(i) / 60
			bend := 0.06 * math.Sin(2*math.Pi*f) * math.Cos(9*math.Pi*f)
			out = append(out, [2]float64{x0 + f*(x1-x0) - bend*(y1-y0), y0 + f*(y1-y0) + bend*(x1-x0)})
		}
		return out
	}
	back := func(x0, y0, x1, y1 float64) [][2]float64 { // the same line, the other way
		out := append(line(x1, y1, x0, y0), [2]float64{x0, y0})
		slices.Reverse(out)
		return out[:len(out)-1]
	}
	feature := func(name string, rings ...string) string {
		return fmt.Sprintf(`{"type":"Feature","properties":{"name":%q,"adcode":%d},"geometry":{"type":"MultiPolygon","coordinates":[[%s]]}}`, name, 131100+len(name), strings.Join(rings, "],["))
	}
	square := func(x, y float64) string {
		return ring(slices.Concat(line(x, y, x+1, y), line(x+1, y, x+1, y+1), back(x+1, y+1, x, y+1), back(x, y+1, x, y))...)
	}
	return `{"type":"FeatureCollection","features":[` + strings.Join([]string{
		feature("south", square(0, 0)), feature("east", square(1, 0)), feature("west", square(0, 1)), feature("north", square(1, 1)), feature("far", square(2, 1)), feature("near", square(2, 0)),
		feature("beyond", square(2, 2)),
	}, ",") + "]}"
}

// drawOnMap drops a map of the counties: the answer that is there is drawn on it, in figures and in words.
func drawOnMap(b *tab, downloads, north string) {
	b.Helper()
	b.click("fieldset label", "Map")
	b.text("There is no map of county on this machine yet.")
	b.look("map-none")
	drop := func(text string) {
		file := filepath.Join(b.TempDir(), "counties.geojson")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		b.run("drop a map", chromedp.SetUploadFiles(chromedp.CSS("input[name=map]"), []string{file}))
	}
	drop(strings.Replace(countiesMap(), `"MultiPolygon"`, `"Point"`, 1))
	b.text(`feature 1 of the map (south) is a "Point", want a Polygon or MultiPolygon`)
	b.complaints()
	drop(strings.Replace(countiesMap(), `"east"`, `"eastern"`, 1))
	b.text("Values that no area of the map is called by: 1. east")
	drop(countiesMap())
	b.sees("every area is drawn", "document.querySelectorAll('.map path.area').length === 7 && !document.querySelector('main').innerText.includes('no area of the map')")
	b.sees("four have colours, and two are hatched", `(() => { const fill = [...document.querySelectorAll('.map path.area')].map((e) => e.getAttribute('fill')); return new Set(fill).size >= 4 && fill[4] === 'url(#withheld-area)' && fill[5] === fill[4] && fill[6] !== fill[4]; })()`)
	b.fill("select[name=area]", js[string](b, "[...document.querySelectorAll('select[name=area] option')].find((o) => o.innerText === 'north').value"))
	b.sees("it says what north has", fmt.Sprintf("document.querySelector('.map output').innerText.includes(%q)", north))
	b.fill("select[name=area]", js[string](b, "[...document.querySelectorAll('select[name=area] option')].find((o) => o.innerText === 'far').value"))
	b.sees("it says that far is withheld", "document.querySelector('.map output').innerText.startsWith('far: ') && document.querySelector('.map output').innerText.length > 10")
	b.saved(downloads, ".png", func() { b.click("main button", "Save PNG") })
	b.settled()
	b.look("map")
}

// borrowers are three plants of each county, with all their readings.
var borrowers = []int{0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13}

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
	for i, p := range borrowers {
		list += fmt.Sprintf("Works %d,p%02d,%d.50,%s\n", p+1, p+1, 100*p, []string{"high", "low"}[i/6])
	}
	b.run("drop a list", chromedp.SetUploadFiles(chromedp.CSS("input[name=portfolio]"), file("borrowers.csv", list)))
	b.text("12 entities of 13 rows; registry plants has 28.")
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

// askAboutABook drops a loan book with faults, then one without: what asking would do stands there, then the report.
func askAboutABook(b *tab, order func()) {
	b.Helper()
	drop := func(text string) {
		path := filepath.Join(b.TempDir(), "loans.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		b.run("drop a loan book", chromedp.SetUploadFiles(chromedp.CSS("input[name=book]"), []string{path}))
	}
	b.click("nav a", "Portfolios")
	b.click("main a", "Financed emissions of a loan book")
	b.text("Ask about a loan book")
	b.sees("the dataset is there", "document.querySelector('select[name=dataset]')?.value === 'plants'")
	drop("plant,outstanding,equity,debt\np01,\"1,000\",2,2\np02,-1,2,2\np03,1,2,2\n")
	b.text("is not a plain number")
	b.text("want what the borrower owes, from 0")
	b.sees("it is not asked", "document.querySelector('#ask').disabled && document.querySelectorAll('#preview tr.wrong').length === 2")
	b.settled()
	b.look("book-faults")
	book := "plant,name,outstanding,equity,debt,score\nzz9,Nobody,50.00,100,100,\n"
	for i, p := range borrowers {
		book += fmt.Sprintf("p%02d,Works %d,%d.50,300,%d,%s\n", p+1, p+1, 100+100*(i/6), 102*(1+i/6), []string{"", "3"}[i%2])
	}
	drop(book)
	b.text("12 of 13 loans would be in the figures, 97.3 % of the outstanding amount.")
	b.text("Pieces by attribution factor")
	b.text("grants no exact portfolio")
	b.sees("without a contract that grants it it is not asked", "document.querySelector('#ask').disabled")
	order()
	b.fill("input[name=list]", "loans")
	b.sees("the refusal is gone", "!document.querySelector('#preview').innerText.includes('grants no exact portfolio') && document.querySelectorAll('#preview .faults tr.wrong').length === 1 && !document.querySelector('#ask').disabled")
	b.text("10.00 CNY")
	b.text("What they do not learn")
	b.settled()
	b.look("book-preview")

	// It is registered and asked, and a reload finds the job. The nodes of this test answer no query within a private list
	// (those of TestRealNodesInABrowser do): the page is given a report with what seldom is in one.
	b.click("#ask", "Register and ask")
	b.text("It was not answered.")
	b.run("reload", chromedp.Reload())
	b.text("It was not answered.")
	b.complaints()
	drop(book)
	b.fill("input[name=list]", "loans")
	b.text("This very book is registered already, as loans version 1.")
	job := buyer.BookJob{
		ID: "J", State: buyer.BookDone, Begun: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli(), Query: "q-0123456789abcdef",
		Question: buyer.BookQuestion{File: "loans.csv", Dataset: "plants", Measures: []string{"nox"}, Period: "2024", List: "loans"},
		Answer:   &buyer.Answer{Query: "q-0123456789abcdef", Dataset: "plants", Version: 1, Price: "10.00", Currency: "CNY", Entry: 77},
		Report: &financed.Report{
			Standard: "PCAF Standard Part A, 2nd edition (2022), 5.2", Dataset: "plants", AsOf: 1, Period: "2024", Denominator: "equity_debt", Currency: "CNY", Method: financed.MethodPieces,
			List:     financed.RegisteredList{Name: "loans", Version: 1, Pieces: 2},
			Coverage: financed.Coverage{Loans: 13, LoansMatched: 12, LoansAttributed: 12, Borrowers: 13, BorrowersMatched: 12, BorrowersAttributed: 12, Outstanding: "1856.00", Matched: "1806.00", Attributed: "1806.00", ShareMatched: "97.3", ShareAttributed: "97.3"},
			Measures: []financed.Measure{
				{Measure: "nox", Scope: "1", Financed: "12345.678", Exact: true, Score: "2.33", Intensity: "6835923.588040", Outstanding: "1806.00", Share: "97.3", Present: &financed.Presence{Whole: 11, Some: 1}},
				{Measure: "so2", Financed: "17.300", Interval95: "4.210", Outstanding: "1806.00", Share: "97.3"},
			},
			Pieces:    []financed.Piece{{Piece: "01", Borrowers: 6, Least: "0.250000", Mean: "0.250000", Most: "0.250000", Emissions: map[string]string{"nox": "100.000", "so2": "1.000"}}, {Piece: "02", Borrowers: 6, Least: "0.400000", Mean: "0.450000", Most: "0.500000", Emissions: map[string]string{"nox": "200.000", "so2": "2.000"}}},
			Unmatched: []financed.Unmatched{{Row: 2, ID: "zz9", Name: "Nobody", Outstanding: "50.00", Why: financed.WhyUnknown, Near: []string{"p09"}}},
			Notes:     []string{"equity below nothing counts as nothing (footnote 90 of the Standard), of p01"},
		},
	}
	given, err := json.Marshal(buyer.BookJobs{Books: []buyer.BookJob{job}})
	if err != nil {
		b.Fatal(err)
	}
	js[bool](b, fmt.Sprintf(`(() => { const sent = window.fetch; window.fetch = (path, init) => path === '/api/financed' && init.method === 'GET' ? Promise.resolve(new Response(%q)) : sent(path, init); return true; })()`, given))
	b.show("#/portfolios")
	b.click("main a", "Financed emissions of a loan book")
	b.text("It is answered.")
	b.text(grouped("12345.678"))
	b.text("± 4.210")
	b.text("list loans version 1")
	b.text("It cost 10.00 CNY.")
	b.text("Loans that the figures are without: 1")
	b.click("summary", "Loans that the figures are without")
	b.click("summary", "Pieces by attribution factor")
	b.settled()
	b.look("book-report")
	b.run("reload", chromedp.Reload())
	b.text("It was not answered.")
	b.complaints()
}

// grouped writes a figure as the page does.
func grouped(text string) string {
	whole, rest, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	return whole + "." + rest
}
