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
)

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
		if b.screenshots != "" { // sentences of nodes come again in the language
			b.run("wait", chromedp.Sleep(500*time.Millisecond))
		}
		if high := js[float64](b, "document.querySelector('.bar').getBoundingClientRect().height"); high > 64 {
			b.Errorf("%s in %s: the bar is %.0f pixels high at 1200, which are two lines", name, language, high)
		}
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
