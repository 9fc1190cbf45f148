package desk

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/weirdata/weir/node/desk/web"
)

// page serves the files of the page. They are no secret, and the same in every desk of a version.
type page struct {
	files map[string]file
}

// file is one of the page's files.
type file struct {
	content     []byte
	contentType string
	tag         string
	policy      string // empty: contentPolicy
}

// contentTypes are those of the page's files; the machine's own table of types may be wrong.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

func newPage() (*page, error) {
	p := &page{files: map[string]file{}}
	err := fs.WalkDir(web.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(web.Files, name)
		if err != nil {
			return err
		}
		kind, known := contentTypes[path.Ext(name)]
		if !known {
			return fmt.Errorf("%s has no type", name)
		}
		sum := sha256.Sum256(content)
		p.files["/"+name] = file{content, kind, `"` + hex.EncodeToString(sum[:8]) + `"`, ""}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	index, built := p.files["/index.html"]
	if !built {
		return nil, fmt.Errorf("the page was not built: %w", fs.ErrNotExist)
	}
	index.policy = policyWith(index.content)
	p.files["/"], p.files["/index.html"] = index, index
	return p, nil
}

// policyWith is contentPolicy that lets run, besides, what the page has in itself, by its digests, and no other such thing.
func policyWith(page []byte) string {
	inline := regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`)
	allowed := map[string]string{}
	for _, found := range inline.FindAllSubmatch(page, -1) {
		sum := sha256.Sum256(found[2])
		allowed[string(found[1])] += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return contentPolicy + "; script-src 'self'" + allowed["script"] + "; style-src 'self'" + allowed["style"]
}

// ServeHTTP answers a request for a file. What is shown within the page is in the part of its address that no server
// gets.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, there := p.files[r.URL.Path]
	if !there {
		writePage(w, http.StatusNotFound, "There is nothing here.", "这里什么也没有。")
		return
	}
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("ETag", f.tag)
	if f.policy != "" {
		w.Header().Set("Content-Security-Policy", f.policy)
	}
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}

// stranger tells a browser without a session how to get one.
func (p *page) stranger(w http.ResponseWriter) {
	writePage(w, http.StatusUnauthorized,
		"This desk does not know this browser. Open the link that weir desk prints in the terminal; each link counts once.",
		"此工作台不认识这个浏览器。请打开 weir desk 在终端里显示的链接；每个链接只能使用一次。")
}

// writePage writes a page of one paragraph in both languages.
func writePage(w http.ResponseWriter, status int, en, zh string) {
	w.Header().Set("Content-Type", contentTypes[".html"])
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weir</title><h1>Weir</h1><p>%s</p><p lang="zh">%s</p></html>`+"\n", //nolint:errcheck // nobody is left to be told
		html.EscapeString(en), html.EscapeString(zh))
}

// open hands a session to whoever has an unused link. The page that it answers with keeps the header's part and goes on
// to the desk by itself: a redirection of a link that was opened from elsewhere would not bring along the cookie.
func (d *Desk) open(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !d.gate.use(strings.TrimPrefix(r.URL.Path, openPath)) {
		writePage(w, http.StatusForbidden,
			"This link was used already, or never was one. Start weir desk again for a new one, or go on in the window that it opened.",
			"此链接已被使用，或从未有效。请重新运行 weir desk 以获得新的链接，或在它已打开的窗口中继续。")
		return
	}
	d.opened(strings.TrimPrefix(r.URL.Path, openPath))
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: d.gate.cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // G124: loopback has no TLS, so Secure is not sent everywhere
	w.Header().Set(headerName, d.gate.key)
	w.Header().Set("Content-Type", contentTypes[".html"])
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="weir-desk" content="%s"><title>Weir</title><script src="/open.js" defer></script><p>Opening the desk… <a href="/">/</a></p></html>`+"\n", //nolint:errcheck // nobody is left to be told
		html.EscapeString(d.gate.key))
}
