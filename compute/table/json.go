package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// What is looked at before a file's columns are told: the first objects, or as many as have
// so many keys in all.
const (
	objectsLooked = 1000
	keysLooked    = 1 << 20
)

// deepest is how many objects and lists may stand in each other.
const deepest = 64

// json reads objects, one after the other (NDJSON, JSON Lines) or in one list. A key of an
// object in an object is a column a.b; lists are no columns. One object is in memory at a
// time, once the columns are known.
func (r *reader) json(text *textReader) error {
	text.objectLong = true
	in := json.NewDecoder(text)
	in.UseNumber()
	o := &objects{reader: r, text: text, in: in, index: map[string]int{}}
	err := o.all()
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax), errors.Is(err, errNoObject), errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(text.err, io.ErrUnexpectedEOF): // the text is whole, its JSON is not
		r.sink.Fault(text.line, "is no JSON from here on: "+err.Error(), "want one object a line")
		return nil
	case errors.Is(err, errLongRow):
		r.sink.Fault(text.line, fmt.Sprintf("object %d is longer than %d bytes", max(o.n, 1), maxRow), "want one object for each row; the rest of the file was not read")
		return nil
	case errors.Is(err, ErrEnough) || r.ctx.Err() != nil:
		return err
	}
	return r.fault(err, text.line)
}

// errNoObject is a value that is no row.
var errNoObject = errors.New("a value is no object, or has more than 64 objects and lists in each other")

// objects turns objects into rows.
type objects struct {
	*reader
	text  *textReader
	in    *json.Decoder
	index map[string]int // of the columns
	names []string
	first []object // objects before the header is known
	keys  int      // of these
	begun bool
	n     int
	late  int // keys that came after the header
}

// object is an object's plain values by their paths, the paths of its lists, and a path that
// it has twice.
type object struct {
	fields map[string]string
	lists  []string
	twice  []string
}

func (o *objects) all() error {
	for list, open := false, false; ; {
		token, err := o.in.Token()
		switch {
		case errors.Is(err, io.EOF) && open:
			return io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF):
			return o.begin()
		case err != nil:
			return err
		case token == json.Delim('[') && o.n == 0 && !list:
			list, open = true, true
		case token == json.Delim(']'): // the decoder knows that one is open
			open = false
		case token == json.Delim('{'):
			o.n++
			next := object{fields: map[string]string{}}
			if err := o.members("", &next, 1); err != nil {
				return err
			}
			o.text.row()
			if err := o.take(next); err != nil {
				return err
			}
		default:
			return errNoObject
		}
	}
}

// members reads an object's members and its end.
func (o *objects) members(prefix string, into *object, depth int) error {
	if depth > deepest {
		return errNoObject
	}
	for {
		token, err := o.in.Token()
		if err != nil {
			return unended(err)
		}
		key, is := token.(string)
		if !is { // the object's end
			return nil
		}
		path := prefix + key
		if token, err = o.in.Token(); err != nil {
			return unended(err)
		}
		text := ""
		switch v := token.(type) {
		case json.Delim:
			if v == '{' {
				err = o.members(path+".", into, depth+1)
			} else {
				into.lists = append(into.lists, path)
				err = o.passOver()
			}
			if err != nil {
				return err
			}
			continue
		case string:
			text = v
		case json.Number:
			text = v.String()
		case bool:
			text = fmt.Sprint(v)
		}
		if _, twice := into.fields[path]; twice {
			into.twice = append(into.twice, path)
		}
		into.fields[path] = text
	}
}

// unended is an error inside of an object, where the file's end is none of it.
func unended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// passOver reads to the end of a list that has begun.
func (o *objects) passOver() error {
	for open := 1; open > 0; {
		token, err := o.in.Token()
		if err != nil {
			return unended(err)
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			open++
		case json.Delim(']'), json.Delim('}'):
			open--
		}
		if open > deepest {
			return errNoObject
		}
	}
	return nil
}

// take takes the next object.
func (o *objects) take(next object) error {
	if o.begun {
		return o.send(next, o.n)
	}
	o.first = append(o.first, next)
	o.keys += len(next.fields)
	if len(o.first) < objectsLooked && o.keys < keysLooked {
		return nil
	}
	return o.begin()
}

// begin tells the columns, and the rows that were kept for that.
func (o *objects) begin() error {
	if o.begun {
		return nil
	}
	o.begun = true
	for _, x := range o.first {
		for name := range x.fields {
			if _, ok := o.index[name]; !ok {
				o.index[name] = 0
				o.names = append(o.names, name)
			}
		}
	}
	if len(o.names) == 0 {
		o.sink.Fault(0, "its objects have no keys with plain values", "want an object for each row, such as {\"station\": \"a\", \"month\": \"2024-01\"}")
		return ErrEnough
	}
	slices.Sort(o.names)
	for i, name := range o.names {
		o.index[name] = i
	}
	if !o.sink.Begin(Head{Kind: "json", Encoding: o.text.encoding, Names: o.names, Row: 0}) {
		return ErrEnough
	}
	first := o.first
	o.first = nil
	for i, x := range first {
		if err := o.send(x, i+1); err != nil {
			return err
		}
	}
	return nil
}

func (o *objects) send(x object, n int) error {
	for _, name := range x.lists {
		if _, plain := o.index[name]; plain {
			o.sink.Fault(n, fmt.Sprintf("has a list for the key %.40q, which other objects have plain values for", name), "want one plain value, or null")
		}
	}
	for _, name := range x.twice {
		o.sink.Fault(n, fmt.Sprintf("has the key %.40q twice", name), "nobody can tell which is meant: want every key once")
	}
	row := make([]string, len(o.names))
	for name, text := range x.fields {
		at, ok := o.index[name]
		if !ok {
			if o.late++; o.late == 1 {
				o.sink.Fault(n, fmt.Sprintf("has the key %.40q, which none of the first %d objects has", name, objectsLooked), "want one that has every key among the first")
			}
			continue
		}
		row[at] = text
	}
	return o.row(row, n)
}
