package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client"
)

// The command prints a link that opens the desk, with the key that it was given, and ends when it is interrupted. It
// needs no node for that.
func TestTheDesksLinkOpensIt(t *testing.T) {
	dir := t.TempDir()
	key, err := client.NewKey("the buyer")
	if err != nil {
		t.Fatal(err)
	}
	nodes := []client.ProfileNode{{ID: "n1", Addr: "https://127.0.0.1:1", Key: make([]byte, 32)}, {ID: "n2", Addr: "https://127.0.0.1:1", Key: bytes.Repeat([]byte{1}, 32)}}
	profile := client.Profile{Addr: nodes[0].Addr, Cluster: catalog.Digest{1}, Nodes: nodes, Threshold: 2}
	err = errors.Join(key.Save(filepath.Join(dir, "buyer.key")), profile.Save(filepath.Join(dir, "ready.json")))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"WEIR_DIR", "WEIR_ADDR", "WEIR_KEY", "WEIR_PROFILE"} {
		t.Setenv(name, "")
	}
	for _, c := range []struct {
		args []string
		name string
	}{{[]string{"--key", filepath.Join(dir, "buyer.key")}, "the buyer"}, {[]string{"--read-only"}, ""}} {
		ctx, interrupt := context.WithCancel(t.Context())
		out, stdout := io.Pipe()
		var notes bytes.Buffer
		ended := make(chan int, 1)
		go func() {
			args := append([]string{"desk", "--profile", filepath.Join(dir, "ready.json"), "--listen", "127.0.0.1:0", "--no-browser"}, c.args...)
			ended <- run(ctx, args, strings.NewReader(""), stdout, &notes)
			stdout.Close() //nolint:errcheck // it never fails
		}()
		link, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatalf("no link: %v, %d, %s", err, <-ended, notes.String())
		}
		session := ask(t, strings.TrimSpace(link))
		if !strings.Contains(session, c.name) || c.name == "" && !strings.Contains(session, `"read_only":true`) {
			t.Errorf("the session is %s", session)
		}
		interrupt()
		if code := <-ended; code != cli.ExitDone {
			t.Errorf("interrupted it ends with %d: %s", code, notes.String())
		}
	}
}

// ask opens a desk's link and asks whose desk it is, as a notebook does.
func ask(t *testing.T, link string) string {
	t.Helper()
	send := func(url string, change func(*http.Request)) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() }) //nolint:errcheck,gosec // of a test
		return answer
	}
	opened := send(link, func(*http.Request) {})
	at, _, _ := strings.Cut(link, "/open/")
	answer := send(at+"/api/session", func(r *http.Request) {
		for _, c := range opened.Cookies() {
			r.AddCookie(c)
		}
		r.Header.Set("X-Weir-Desk", opened.Header.Get("X-Weir-Desk"))
	})
	b, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", answer.Status, b, err)
	}
	return string(b)
}

// A desk that others could reach, or where another one is, does not start.
func TestADeskIsRefusedWhereOthersReachIt(t *testing.T) {
	dir := t.TempDir()
	nodes := []client.ProfileNode{{ID: "n1", Addr: "https://127.0.0.1:1", Key: make([]byte, 32)}, {ID: "n2", Addr: "https://127.0.0.1:1", Key: bytes.Repeat([]byte{1}, 32)}}
	profile := client.Profile{Addr: nodes[0].Addr, Cluster: catalog.Digest{1}, Nodes: nodes, Threshold: 2}
	if err := profile.Save(filepath.Join(dir, "ready.json")); err != nil {
		t.Fatal(err)
	}
	var notes bytes.Buffer
	code := run(t.Context(), []string{"desk", "--profile", filepath.Join(dir, "ready.json"), "--listen", "0.0.0.0:0", "--no-browser"}, strings.NewReader(""), io.Discard, &notes)
	if code != cli.ExitFailed || !strings.Contains(notes.String(), "loopback interface alone, such as 127.0.0.1:8787, and not on 0.0.0.0") {
		t.Errorf("exit status %d: %s", code, notes.String())
	}
}
