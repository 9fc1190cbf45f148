package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// keysLooked are the first objects of a file whose keys are its columns.
const keysLooked = 1000

// json reads objects, one after the other (NDJSON, JSON Lines) or in one list. A key of an
// object in an object is a column a.b; lists are no columns.
func (r *reader) json(text *textReader) error {
	text.endless = true
	in := json.NewDecoder(text)
	in.UseNumber()
	o := &objects{reader: r, text: text, index: map[string]int{}}
	if err := o.all(in); err != nil {
		var syntax *json.SyntaxError
		var of *json.UnmarshalTypeError
		if errors.As(err, &syntax) || errors.As(err, &of) || errors.Is(err, io.ErrUnexpectedEOF) && text.zipped == nil {
			r.sink.Fault(text.line, "is no JSON from here on: "+err.Error(), "want one object a line")
			return nil
		}
		return r.faultOrStop(err, text.line)
	}
	return nil
}

// faultOrStop hands on the file's faults, and returns what a sink or the context ended.
func (r *reader) faultOrStop(err error, line int) error {
	if errors.Is(err, ErrEnough) || r.ctx.Err() != nil {
		return err
	}
	return r.fault(err, line)
}

// objects turns objects into rows.
type objects struct {
	*reader
	text  *textReader
	index map[string]int // of the columns
	names []string
	first []map[string]string // objects before the header is known
	begun bool
	n     int
	late  int // keys that came after the header
}

func (o *objects) all(in *json.Decoder) error {
	list := false
	for {
		var object map[string]any
		if o.n == 0 && !list {
			// The first sign says whether it is a list.
			var raw json.RawMessage
			if err := in.Decode(&raw); err != nil {
				return err
			}
			if raw[0] == '[' {
				var all []map[string]any
				if err := unmarshal(raw, &all); err != nil {
					return err
				}
				for _, x := range all {
					if err := o.take(x); err != nil {
						return err
					}
				}
				list = true
				continue
			}
			if err := unmarshal(raw, &object); err != nil {
				return err
			}
		} else if err := in.Decode(&object); errors.Is(err, io.EOF) {
			return o.begin()
		} else if err != nil {
			return err
		}
		if err := o.take(object); err != nil {
			return err
		}
	}
}

// take takes the next object.
func (o *objects) take(object map[string]any) error {
	o.n++
	fields := map[string]string{}
	flatten("", object, fields)
	if !o.begun {
		o.first = append(o.first, fields)
		if len(o.first) < keysLooked {
			return nil
		}
		return o.begin()
	}
	return o.send(fields, o.n)
}

// begin tells the columns, and the rows that were kept for that.
func (o *objects) begin() error {
	if o.begun {
		return nil
	}
	o.begun = true
	for _, fields := range o.first {
		for name := range fields {
			if _, ok := o.index[name]; !ok {
				o.index[name] = 0
				o.names = append(o.names, name)
			}
		}
	}
	slices.Sort(o.names)
	for i, name := range o.names {
		o.index[name] = i
	}
	if !o.sink.Begin(Head{Kind: "json", Encoding: o.text.encoding, Names: o.names, Row: 0}) {
		return ErrEnough
	}
	for i, fields := range o.first {
		if err := o.send(fields, i+1); err != nil {
			return err
		}
	}
	o.first = nil
	return nil
}

func (o *objects) send(fields map[string]string, n int) error {
	row := make([]string, len(o.names))
	for name, text := range fields {
		at, ok := o.index[name]
		if !ok {
			if o.late++; o.late == 1 {
				o.sink.Fault(n, fmt.Sprintf("has the key %.40q, which none of the first %d objects has", name, keysLooked), "want one that has every key among the first")
			}
			continue
		}
		row[at] = text
	}
	return o.row(row, n)
}

func unmarshal(raw json.RawMessage, into any) error {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	return in.Decode(into)
}

// flatten puts an object's plain values into fields, by their paths.
func flatten(prefix string, object map[string]any, fields map[string]string) {
	for key, value := range object {
		switch v := value.(type) {
		case nil:
			fields[prefix+key] = ""
		case string:
			fields[prefix+key] = v
		case bool:
			fields[prefix+key] = fmt.Sprint(v)
		case json.Number:
			fields[prefix+key] = v.String()
		case map[string]any:
			flatten(prefix+key+".", v, fields)
		}
	}
}
