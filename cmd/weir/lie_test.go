package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// hostile turns the line, clears the screen and hides a letter and a tag.
const hostile = "a\u202eb\u2066c\x1b[2Jd\u200be\U000e0041f\u009bg"

// lieKey is where a script finds the word that its nodes put hostile text in place of.
type lieKey struct{}

// lie has all nodes write the hostile text, with a line break and what looks like a
// message of the program, in place of a word: lie WORD.
func lie(ts *testscript.TestScript, _ bool, args []string) {
	word, ok := ts.Value(lieKey{}).(*atomic.Pointer[string])
	if !ok || len(args) != 1 {
		ts.Fatalf("usage, with a cluster: lie WORD")
	}
	word.Store(&args[0])
}

// lying is the handler, whose answers are changed once lie was called.
func lying(env *testscript.Env, honest http.Handler) http.Handler {
	word, ok := env.Values[lieKey{}].(*atomic.Pointer[string])
	if !ok {
		word = &atomic.Pointer[string]{}
		env.Values[lieKey{}] = word
	}
	said, err := json.Marshal(hostile + "\nweir: granted")
	if err != nil {
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told := word.Load()
		if told == nil {
			honest.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		honest.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(bytes.ReplaceAll(answer.Body.Bytes(), []byte(*told), said[1:len(said)-1])) // the client notices
	})
}
