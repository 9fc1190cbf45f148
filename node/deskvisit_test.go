package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/desk"
	"github.com/weirdata/weir/node/leak"
)

// deskVisit is a desk that runs, and a session with it.
type deskVisit struct {
	*testing.T
	desk    *desk.Desk
	dir     string
	host    string
	http    *http.Client
	cookie  *http.Cookie
	header  string
	needles []leak.Needle // all secrets of the desk's sessions
}

// openDesk starts a desk and opens its link, as a browser does.
func openDesk(t *testing.T, c *client.Client, name, postgres string) *deskVisit {
	t.Helper()
	v := &deskVisit{T: t, dir: t.TempDir(), http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	var err error
	if v.desk, err = desk.New("127.0.0.1:0", desk.Options{Client: c, Dir: v.dir, Version: "test", Postgres: postgres}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- v.desk.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	v.open(name+" in the browser", v.desk.Link())
	return v
}

// open begins a session by a link, and notes its secrets.
func (v *deskVisit) open(name, link string) {
	v.Helper()
	rest, is := strings.CutPrefix(link, "http://")
	host, path, has := strings.Cut(rest, "/")
	if !is || !has {
		v.Fatalf("the link is %s", link)
	}
	v.host = host
	resp, _ := v.send(http.MethodGet, "/"+path, nil)
	if len(resp.Cookies()) != 1 || resp.Header.Get("X-Weir-Desk") == "" {
		v.Fatalf("the link is answered with %s", resp.Status)
	}
	v.cookie, v.header = resp.Cookies()[0], resp.Header.Get("X-Weir-Desk")
	for what, secret := range map[string]string{"link": path[strings.LastIndexByte(path, '/')+1:], "cookie": v.cookie.Value, "header": v.header} {
		v.needles = append(v.needles, leak.Forms("the "+what+" of "+name, []byte(secret))...)
	}
}

// openNotebook begins a session by the link in the desk's directory, which stands there before the desk answers.
func (v *deskVisit) openNotebook() {
	v.Helper()
	v.open("the notebook", strings.TrimSpace(string(readFile(v.T, filepath.Join(v.dir, desk.NotebookFile)))))
}

func (v *deskVisit) send(method, path string, body []byte) (*http.Response, []byte) {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), method, "http://"+v.host+path, bytes.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if v.cookie != nil {
		req.AddCookie(v.cookie)
		req.Header.Set("X-Weir-Desk", v.header)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode >= 300 {
		v.Fatalf("%s %s: %s, %v\n%s", method, path, resp.Status, err, b)
	}
	return resp, b
}

// deskGet reads what a path of a desk's API answers.
func deskGet[T any](v *deskVisit, path string) (out T) {
	v.Helper()
	_, b := v.send(http.MethodGet, path, nil)
	if err := json.Unmarshal(b, &out); err != nil {
		v.Fatalf("%s: %v", path, err)
	}
	return out
}

// deskPost sends a body to a path of a desk's API, and reads the answer.
func deskPost[T any](v *deskVisit, path string, body any) (out T) {
	v.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		v.Fatal(err)
	}
	if _, b = v.send(http.MethodPost, path, b); len(b) > 0 {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		v.Fatalf("%s: %v", path, err)
	}
	return out
}

// postgresURL is how a tool connects, and its password is noted.
func (v *deskVisit) postgresURL() string {
	v.Helper()
	access := v.desk.Postgres()
	line := strings.TrimSpace(string(readFile(v.T, access.PasswordFile)))
	password := line[strings.LastIndexByte(line, ':')+1:]
	v.needles = append(v.needles, leak.Forms("the password of Postgres", []byte(password))...)
	return fmt.Sprintf("postgres://%s:%s@%s:%s/%s", access.User, password, access.Host, access.Port, access.Database)
}

// keyNeedles are the secrets in a person's key file.
func keyNeedles(t *testing.T, key *client.Key) []leak.Needle {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := key.Save(file); err != nil {
		t.Fatal(err)
	}
	var secret struct{ Seed, Receiving []byte }
	if err := json.Unmarshal(readFile(t, file), &secret); err != nil || len(secret.Seed) == 0 || len(secret.Receiving) == 0 {
		t.Fatalf("the key file of %s has no secrets: %v", key.Name, err)
	}
	return append(leak.Forms("the signing key of "+key.Name, secret.Seed), leak.Forms("the receiving key of "+key.Name, secret.Receiving)...)
}
