package feed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirdata/weir/node/client/feed/hj212"
	"github.com/weirdata/weir/node/client/feed/spool"
)

const (
	// maxLine bounds a line, maxPosted what is posted at once.
	maxLine   = 1 << 20
	maxPosted = 16 << 20
	// linesAtOnce is how many lines of standard input share an fsync.
	linesAtOnce = 1000
)

// lineReader maps lines of a source to readings.
type lineReader struct {
	opened
	header []string // of CSV; nil: not read yet
}

// LineError is a line that cannot be read.
type LineError struct {
	Line    int
	Message string
}

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// line maps a line. A *LineError is the line's, a *ChangedError ends the feed.
func (x *lineReader) line(text []byte, n int) ([]spool.Reading, error) {
	wrong := func(format string, args ...any) ([]spool.Reading, error) {
		return nil, &LineError{n, fmt.Sprintf(format, args...)}
	}
	var names, values []string
	var err error
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, nil
	case x.source.Format == "csv":
		if values, err = csv.NewReader(bytes.NewReader(text)).Read(); err != nil {
			return wrong("is no line of CSV: %v", err)
		}
		if x.header == nil {
			x.header = values
			return nil, nil
		}
		if names = x.header; len(values) != len(names) {
			return wrong("has %d fields, the header %d", len(values), len(names))
		}
	default:
		if names, values, err = objectOf(text); err != nil {
			return wrong("is no JSON object of texts and numbers: %v", err)
		}
	}
	g := given{}
	fields := map[string]string{}
	for i, name := range names {
		if _, twice := fields[name]; twice {
			return wrong("has %q twice", name)
		}
		fields[name] = values[i]
	}
	g.device, g.time = fields[x.source.Device], fields[x.source.Time]
	if g.device == "" {
		return wrong("has no device; want it in %q", x.source.Device)
	}
	if g.at, err = timeOf(g.time, x.periods.zone); err != nil {
		return wrong("%v in %q", err, x.source.Time)
	}
	for i, name := range names {
		_, isFlag := strings.CutSuffix(name, "-Flag")
		if name == x.source.Device || name == x.source.Time || isFlag {
			continue
		}
		g.values = append(g.values, givenValue{code: name, flag: fields[name+"-Flag"], text: func(string) (string, bool) { return values[i], true }})
	}
	return x.readings(x.source.Name, g)
}

// objectOf are the fields of a JSON object, in their order.
func objectOf(text []byte) (names, values []string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.Join(errors.New("it begins otherwise"), err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		names = append(names, fmt.Sprint(name))
		switch v := value.(type) {
		case nil:
			values = append(values, "")
		case json.Number:
			values = append(values, v.String())
		case string:
			values = append(values, v)
		default:
			return nil, nil, fmt.Errorf("%v has a value of another kind", name)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("something stands behind the object")
	}
	return names, values, nil
}

// timeOf reads a time: ISO 8601, with an offset or in the dataset's own zone, or 14 digits.
func timeOf(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	if t, err := hj212.ParseTime(text, zone); err == nil {
		return t, nil
	}
	// It is not quoted: where columns are shifted it is a reading, and the state has none.
	return time.Time{}, errors.New("no time, such as 2026-12-01T08:00:00+08:00, stands")
}

// listenForLines listens for posted lines.
func listenForLines(ctx context.Context, x opened) (func(context.Context) error, error) {
	s := x.source
	var token []byte
	if s.TokenFile != "" {
		b, err := os.ReadFile(filepath.Clean(s.TokenFile))
		if err != nil {
			return nil, fmt.Errorf("source %s: read its token: %w", s.Name, err)
		}
		if token = bytes.TrimSpace(b); len(token) < 16 {
			return nil, fmt.Errorf("source %s: the token in %s has %d characters; want at least 16, such as `openssl rand -hex 16` makes", s.Name, s.TokenFile, len(token))
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.Name, err)
	}
	if at, ok := listener.Addr().(*net.TCPAddr); token == nil && (!ok || !at.IP.IsLoopback()) {
		return nil, errors.Join(fmt.Errorf("source %s listens on %s, where others reach it, and has no token_file", s.Name, listener.Addr()), listener.Close())
	}
	x.listens(s.Name, listener.Addr().String())
	handler, browsers := http.NewServeMux(), http.NewCrossOriginProtection()
	handler.HandleFunc("POST /lines", func(w http.ResponseWriter, r *http.Request) {
		if token == nil && (browsers.Check(r) != nil || !ofThisMachine(r.Host)) {
			// A page of the web that somebody here looks at may send, too, under any name of its own.
			http.Error(w, "without token_file lines are taken from programs on this machine alone, at "+s.Listen, http.StatusForbidden)
			return
		}
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token != nil && (!ok || subtle.ConstantTimeCompare([]byte(given), token) != 1) {
			http.Error(w, "want Authorization: Bearer and the token of token_file", http.StatusUnauthorized)
			return
		}
		(&lineReader{opened: x}).posted(ctx, w, http.MaxBytesReader(w, r.Body, maxPosted))
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	return func(ctx context.Context) error {
		ended := make(chan struct{})
		unwatch := context.AfterFunc(ctx, func() {
			defer close(ended)
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_ = server.Shutdown(closing) // what is not answered by then is sent again
		})
		err := server.Serve(listener)
		if unwatch() {
			return err
		}
		<-ended
		return nil
	}, nil
}

// ofThisMachine reports whether a host, with a port or not, is this machine by its loopback.
func ofThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// posted keeps the lines of a request, all or none, and says how many readings they have.
func (x *lineReader) posted(ctx context.Context, w http.ResponseWriter, body io.Reader) {
	var readings []spool.Reading
	in := bufio.NewScanner(body)
	in.Buffer(make([]byte, 64<<10), maxLine)
	lines := int64(0)
	for n := 1; in.Scan(); n++ {
		more, err := x.line(in.Bytes(), n)
		if err != nil {
			x.refuse(w, err)
			return
		}
		readings = append(readings, more...)
		lines++
	}
	if err := in.Err(); err != nil {
		x.refuse(w, &LineError{int(lines) + 1, err.Error()})
		return
	}
	if err := x.keep(ctx, readings); err != nil {
		http.Error(w, "the feed takes nothing more", http.StatusServiceUnavailable)
		x.stop(err)
		return
	}
	x.took(lines)
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, "{\"lines\":%d,\"kept\":%d}\n", lines, len(readings)) // who does not hear it sends again
}

// refuse says why nothing of a request is kept.
func (x *lineReader) refuse(w http.ResponseWriter, err error) {
	if _, changed := errors.AsType[*ChangedError](err); changed {
		http.Error(w, err.Error(), http.StatusConflict)
		x.stop(err)
		return
	}
	x.tell(func(s *SourceState) { s.Faults["line"]++ })
	http.Error(w, err.Error()+"; nothing was kept", http.StatusBadRequest)
}

// readStdin reads standard input to its end.
func readStdin(o opened, stdin io.Reader) (func(context.Context) error, error) {
	if stdin == nil {
		return nil, fmt.Errorf("source %s: there is no standard input", o.source.Name)
	}
	return func(ctx context.Context) error {
		lines := make(chan []byte, linesAtOnce)
		failed := make(chan error, 1)
		go func() { // a read of standard input cannot be ended: it ends with it, or with the process
			defer close(lines)
			in := bufio.NewScanner(stdin)
			in.Buffer(make([]byte, 64<<10), maxLine)
			for in.Scan() {
				select {
				case lines <- bytes.Clone(in.Bytes()):
				case <-ctx.Done():
					return
				}
			}
			failed <- in.Err()
		}()
		x := &lineReader{opened: o}
		for n := 0; ; {
			batch, more := nextLines(ctx, lines)
			var readings []spool.Reading
			for _, text := range batch {
				n++
				some, err := x.line(text, n)
				if bad, ok := errors.AsType[*LineError](err); ok {
					x.tell(func(s *SourceState) {
						s.Faults["line"]++
						s.Error = &Happened{x.now(), bad.Error()}
					})
					continue
				}
				if err != nil {
					return err
				}
				readings = append(readings, some...)
			}
			if err := x.keep(ctx, readings); err != nil {
				return err
			}
			x.took(int64(len(batch)))
			if !more {
				if ctx.Err() != nil {
					return nil
				}
				return <-failed
			}
		}
	}, nil
}

// nextLines are the lines that are there, one at least; more is false at the end.
func nextLines(ctx context.Context, lines <-chan []byte) (batch [][]byte, more bool) {
	select {
	case text, open := <-lines:
		if !open {
			return nil, false
		}
		batch = append(batch, text)
	case <-ctx.Done():
		return nil, false
	}
	for len(batch) < linesAtOnce {
		select {
		case text, open := <-lines:
			if !open {
				return batch, false
			}
			batch = append(batch, text)
		default:
			return batch, true
		}
	}
	return batch, true
}
