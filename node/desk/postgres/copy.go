package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

// copyOptions are how COPY … TO STDOUT writes rows.
type copyOptions struct {
	format string // text, csv or binary
	header bool
}

// copy runs COPY (query) TO STDOUT and COPY table TO STDOUT.
func (n *session) copy(ctx context.Context, list []token.Token) (*outcome, error) {
	to := -1
	depth := 0
	for i, t := range list {
		if depth += token.Depth(t); depth == 0 && t.Is("TO") {
			to = i
		}
	}
	if to < 2 || to+1 >= len(list) || !list[to+1].Is("STDOUT") {
		return nil, fail(stateReadOnly, "COPY (SELECT …) TO STDOUT", "COPY gives rows to the client, and takes none")
	}
	query := list[1:to]
	if query[0].Is("(") && token.Closing(query, 0) == len(query)-1 {
		query = query[1 : len(query)-1]
	} else {
		columns := []token.Token{sign("*")}
		if at := slices.IndexFunc(query, func(t token.Token) bool { return t.Is("(") }); at > 0 && query[len(query)-1].Is(")") {
			columns, query = query[at+1:len(query)-1], query[:at]
		}
		query = append(append([]token.Token{word("SELECT")}, columns...), append([]token.Token{word("FROM")}, query...)...)
	}
	o := &copyOptions{format: "text"}
	options := list[to+2:]
	for i, t := range options {
		switch {
		case t.Is("BINARY", "CSV", "TEXT"), t.Kind == token.String && i > 0 && options[i-1].Is("FORMAT"), t.Kind == token.Quoted && i > 0 && options[i-1].Is("FORMAT"):
			o.format = strings.ToLower(t.Text)
		case t.Is("HEADER"):
			o.header = i+1 >= len(options) || !options[i+1].Is("FALSE", "OFF", "0")
		}
	}
	if !slices.Contains([]string{"text", "csv", "binary"}, o.format) {
		return nil, fail(stateParameter, "text, csv or binary", "there is no format %.40q", o.format)
	}
	if !isQuery(query) {
		return nil, fail(stateSyntax, "COPY (SELECT …) TO STDOUT", "COPY is of a query or a table")
	}
	r, err := n.query(ctx, withoutPages(query), false)
	if err != nil {
		return nil, err
	}
	return &outcome{result: r, tag: fmt.Sprintf("COPY %d", len(r.Rows)), copy: o}, nil
}

// withoutPages leaves out a condition on ctid, by which DuckDB reads a table in pieces: the first has all rows.
func withoutPages(list []token.Token) []token.Token {
	at := slices.IndexFunc(list, func(t token.Token) bool { return t.Named() && t.Lower() == "ctid" })
	if at < 1 || at+2 >= len(list) || !list[at+1].Is("BETWEEN") || !list[at-1].Is("WHERE", "AND") {
		return list
	}
	end := at + 2
	for end < len(list) && (list[end].Kind == token.String || list[end].Is("::", "AND", "TID")) {
		end++
	}
	out := append(slices.Clone(list[:at]), token.Token{Kind: token.Number, Text: "1"}, sign("="), token.Token{Kind: token.Number, Text: "1"})
	if first := list[at+2].Text; !strings.HasPrefix(first, "(0,") {
		out[len(out)-1].Text = "0"
	}
	if list[end-1].Is("AND") {
		end--
	}
	return append(out, list[end:]...)
}

// copyOut sends the rows of COPY.
func (w *writer) copyOut(out *outcome) error {
	r, o := out.result, out.copy
	overall := byte(formatText)
	if o.format == "binary" {
		overall = formatBinary
	}
	codes := make([]uint16, len(r.Columns))
	for i := range codes {
		codes[i] = uint16(overall)
	}
	w.backend.Send(&pgproto3.CopyOutResponse{OverallFormat: overall, ColumnFormatCodes: codes})
	if o.format == "binary" {
		w.backend.Send(&pgproto3.CopyData{Data: copyHeader})
	}
	if o.header && o.format != "binary" {
		names := make([][]byte, len(r.Columns))
		for i, c := range r.Columns {
			names[i] = []byte(c.Name)
		}
		w.backend.Send(&pgproto3.CopyData{Data: copyLine(names, o.format)})
	}
	for i, row := range r.Rows {
		cells := make([][]byte, len(r.Columns))
		for j := range cells {
			var err error
			if cells[j], err = encode(w.types, row[j], r.Columns[j].Type, int16(overall)); err != nil {
				return err
			}
		}
		w.backend.Send(&pgproto3.CopyData{Data: copyLine(cells, o.format)})
		if i%flushEvery == flushEvery-1 {
			if err := w.backend.Flush(); err != nil {
				return err
			}
		}
	}
	if o.format == "binary" {
		w.backend.Send(&pgproto3.CopyData{Data: []byte{0xff, 0xff}})
	}
	w.backend.Send(&pgproto3.CopyDone{})
	w.done(out.tag)
	return nil
}

var copyEscapes = strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r", "\t", "\\t")

// copyLine is a row; nil is NULL.
func copyLine(cells [][]byte, format string) []byte {
	switch format {
	case "binary":
		b := binary.BigEndian.AppendUint16(nil, uint16(len(cells)))
		for _, c := range cells {
			if c == nil {
				b = binary.BigEndian.AppendUint32(b, 0xffffffff)
				continue
			}
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(c))), c...)
		}
		return b
	case "csv":
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = string(c)
		}
		w.Write(texts) //nolint:errcheck,gosec // into memory
		w.Flush()
		return b.Bytes()
	}
	parts := make([]string, len(cells))
	for i, c := range cells {
		if parts[i] = copyEscapes.Replace(string(c)); c == nil {
			parts[i] = `\N`
		}
	}
	return []byte(strings.Join(parts, "\t") + "\n")
}
