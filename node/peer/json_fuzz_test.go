package peer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzReadJSON reads what a peer sent as the kinds of values that peers send: refused
// with 400, or the same when it is written and read again.
func FuzzReadJSON(f *testing.F) {
	type message struct {
		Text  string         `json:"text"`
		Bytes []byte         `json:"bytes"`
		Index uint64         `json:"index"`
		Named map[string]int `json:"named"`
	}
	f.Add([]byte(`{"text":"a","bytes":"AQI=","index":18446744073709551615,"named":{"x":1}}`))
	f.Add([]byte(`{"text":"a"} `))
	f.Add([]byte(`{"text":"a"}{}`))
	f.Add([]byte(`{"index":-1}`))
	f.Add([]byte(`{"other":1}`))
	f.Add([]byte(strings.Repeat("[", 20_000)))
	f.Fuzz(func(t *testing.T, body []byte) {
		read := func(b []byte) (message, error) {
			var m message
			r := httptest.NewRequest(http.MethodPost, "/v1/x", bytes.NewReader(b))
			return m, ReadJSON(r, &m)
		}
		m, err := read(body)
		if err != nil {
			var told *Error
			if !errors.As(err, &told) || told.Status != http.StatusBadRequest || told.Kind != KindInvalid {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		written, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(written)
		if err != nil || !cmp.Equal(m, again) {
			t.Fatalf("%q is %+v and then %+v (%v)", body, m, again, err)
		}
	})
}

// FuzzRemoteError reads what a node answers instead of what it was asked for.
func FuzzRemoteError(f *testing.F) {
	f.Add(503, []byte(`{"kind":"closing","message":"the node is shutting down"}`))
	f.Add(500, []byte(`{"kind":""}`))
	f.Add(404, []byte(`{"kind":"x"`))
	f.Add(200, bytes.Repeat([]byte("x"), 1<<16))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		unread := bytes.NewReader(body)
		err := callName{node: "n2", method: http.MethodPost, path: "/v1/x"}.remote(&http.Response{StatusCode: status, Body: io.NopCloser(unread)})
		var told *RemoteError
		if !errors.As(err, &told) || told.Node != "n2" || told.Status != status || told.Kind == "" {
			t.Fatalf("%q: %#v", body, err)
		}
		if read := len(body) - unread.Len(); read > maxErrorBody {
			t.Fatalf("%d bytes of an error were read", read)
		}
	})
}
