package route

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/node/api/wire"
)

// Effect is what a route does to the world.
type Effect int

// Effects.
const (
	Reads   Effect = iota // it changes nothing, and costs nothing
	Changes               // it spends, signs or changes something
)

// MaxBody is the most bytes of a body, unless a route takes more.
const MaxBody = 256 << 10

// Route is a row of the table of what the API answers.
type Route struct {
	Method  string
	Path    string // with {name} for parameters
	Summary string
	Effect  Effect
	Body    int64 // the most bytes of a body
	// Wait is how long it may hold a request on purpose, and how long making its answer may take.
	Wait time.Duration

	input  reflect.Type
	output reflect.Type // nil: a file
	serve  func(http.ResponseWriter, *http.Request) error
}

// DefaultWait is how long making an answer may take: nodes are tried again for some seconds.
const DefaultWait = 60 * time.Second

// File is an answer that is no JSON.
type File struct {
	Name        string // that it is saved by
	ContentType string
	Content     []byte
}

// New makes a route that answers JSON. The input is a struct: fields tagged path and query, of type string or int, are
// parameters; a field Body is the body, read strictly.
func New[I, O any](method, path, summary string, effect Effect, do func(context.Context, I) (O, error)) Route {
	r := newRoute[I](method, path, summary, effect)
	r.output = reflect.TypeFor[O]()
	r.serve = func(w http.ResponseWriter, req *http.Request) error {
		in, err := read[I](req)
		if err != nil {
			return err
		}
		out, err := do(req.Context(), in)
		if err != nil {
			return err
		}
		b, err := json.Marshal(told(req.Context(), out))
		if err != nil {
			return fmt.Errorf("write the answer: %w", err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, err = w.Write(b)
		return quiet(err)
	}
	return r
}

// NewFile is New of a route that answers a file.
func NewFile[I any](method, path, summary string, effect Effect, do func(context.Context, I) (File, error)) Route {
	r := newRoute[I](method, path, summary, effect)
	r.serve = func(w http.ResponseWriter, req *http.Request) error {
		in, err := read[I](req)
		if err != nil {
			return err
		}
		f, err := do(req.Context(), in)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", f.ContentType)
		w.Header().Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(f.Name))
		_, err = w.Write(f.Content)
		return quiet(err)
	}
	return r
}

func newRoute[I any](method, path, summary string, effect Effect) Route {
	return Route{Method: method, Path: path, Summary: summary, Effect: effect, Body: MaxBody, Wait: DefaultWait, input: reflect.TypeFor[I]()}
}

// WithBody lets bodies be larger.
func (r Route) WithBody(most int64) Route {
	r.Body = most
	return r
}

// WithWait lets making the answer take longer.
func (r Route) WithWait(most time.Duration) Route {
	r.Wait = most
	return r
}

// quiet is what a write failed with, which nobody is left to be told.
func quiet(error) error { return nil }

// ServeHTTP answers a request that was admitted.
func (r Route) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(withLanguage(req), r.Wait)
	defer cancel()
	req = req.WithContext(ctx)
	req.Body = http.MaxBytesReader(w, req.Body, r.Body)
	w.Header().Set("Cache-Control", "no-store")
	if err := r.serve(w, req); err != nil {
		WriteProblem(w, req, ProblemOf(err))
	}
}

// WriteProblem answers a request with a problem, in its language.
func WriteProblem(w http.ResponseWriter, req *http.Request, p *wire.Problem) {
	b, err := json.Marshal(In(Language(withLanguage(req)), p))
	if err != nil {
		http.Error(w, http.StatusText(p.Status), p.Status)
		return
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) //nolint:errcheck // nobody is left to be told
}

// bodyField is the field of an input that is the body.
const bodyField = "Body"

// read reads the input of a route.
func read[I any](req *http.Request) (in I, err error) {
	v := reflect.ValueOf(&in).Elem()
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return in, badRequest("the parameters cannot be read")
	}
	known := map[string]bool{}
	body := false
	for i := range v.NumField() {
		field := v.Type().Field(i)
		text := ""
		switch path, name := field.Tag.Get("path"), field.Tag.Get("query"); {
		case field.Name == bodyField:
			body = true
			if err := readBody(req, v.Field(i).Addr().Interface()); err != nil {
				return in, err
			}
			continue
		case path != "":
			text = req.PathValue(path)
		case name != "":
			known[name] = true
			if len(query[name]) > 1 {
				return in, badRequest(fmt.Sprintf("parameter %s stands there twice", name))
			}
			text = query.Get(name)
		default:
			return in, fmt.Errorf("field %s of %s is neither a parameter nor the body", field.Name, v.Type())
		}
		if text == "" {
			continue
		}
		if v.Field(i).Kind() == reflect.Int {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return in, badRequest(fmt.Sprintf("parameter %s is %.40q, want a number", field.Tag.Get("query"), text))
			}
			v.Field(i).SetInt(int64(n))
			continue
		}
		v.Field(i).SetString(text)
	}
	for name := range query {
		if !known[name] {
			return in, badRequest(fmt.Sprintf("there is no parameter %.40q", name))
		}
	}
	if !body && req.ContentLength > 0 {
		return in, badRequest("nothing is read from a body here")
	}
	return in, nil
}

func readBody(req *http.Request, into any) error {
	b, err := io.ReadAll(req.Body)
	if err != nil {
		if tooLarge, ok := asMaxBytes(err); ok {
			return wire.NewProblem(http.StatusRequestEntityTooLarge, wire.KindRequest, fmt.Sprintf("the body is larger than %d bytes", tooLarge))
		}
		return badRequest("the body cannot be read")
	}
	if err := strictjson.Decode(b, into); err != nil {
		return badRequest("the body is not as the API has it: " + err.Error())
	}
	return nil
}

func badRequest(message string) *wire.Problem {
	return wire.NewProblem(http.StatusBadRequest, wire.KindRequest, message)
}
