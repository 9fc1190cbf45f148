package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
)

// flushEvery is after how many rows what is written is sent.
const flushEvery = 200

// writer writes what a client is told: notices, settings, and the columns and rows of answers.
type writer struct {
	backend  *pgproto3.Backend
	settings *settings
	types    *pgtype.Map
}

func newWriter(b *pgproto3.Backend, s *settings) *writer {
	return &writer{backend: b, settings: s, types: pgtype.NewMap()}
}

// report tells what a setting is.
func (w *writer) report(name string) {
	if value, ok := w.settings.get(name); ok {
		w.backend.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
}

func (w *writer) notice(state, format string, args ...any) {
	severity := "NOTICE"
	if strings.HasPrefix(state, "01") {
		severity = "WARNING"
	}
	w.backend.Send(&pgproto3.NoticeResponse{Severity: severity, SeverityUnlocalized: severity, Code: state, Message: fmt.Sprintf(format, args...)})
}

// debug is a notice for who asks for debugging.
func (w *writer) debug(format string, args ...any) {
	if strings.HasPrefix(w.settings.values["client_min_messages"], "debug") {
		w.backend.Send(&pgproto3.NoticeResponse{Severity: "DEBUG1", SeverityUnlocalized: "DEBUG1", Code: "00000", Message: fmt.Sprintf(format, args...)})
	}
}

// done tells that a statement is done.
func (w *writer) done(tag string) { w.backend.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)}) }

// describe sends the columns of an answer.
func (w *writer) describe(columns []pgcatalog.ResultColumn, formats []int16) {
	d := &pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{}}
	for i, c := range columns {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{
			Name: []byte(c.Name), TableOID: c.Table, TableAttributeNumber: uint16(c.Number), DataTypeOID: c.Type, DataTypeSize: sizeOf(c.Type), TypeModifier: -1, Format: formatOf(formats, i),
		})
	}
	w.backend.Send(d)
}

// columnsOrNone sends the columns of a statement; nil: it gives no rows.
func (w *writer) columnsOrNone(columns []pgcatalog.ResultColumn, formats []int16) {
	if columns == nil {
		w.backend.Send(&pgproto3.NoData{})
		return
	}
	w.describe(columns, formats)
}

// sizeOf is the size of a type; -1: it has none.
func sizeOf(oid uint32) int16 {
	switch oid {
	case pgcatalog.OIDBool, pgcatalog.OIDChar:
		return 1
	case pgcatalog.OIDInt2:
		return 2
	case pgcatalog.OIDInt4, pgcatalog.OIDOid, pgcatalog.OIDDate, pgcatalog.OIDFloat4:
		return 4
	case pgcatalog.OIDInt8, pgcatalog.OIDFloat8, pgcatalog.OIDTimestamp, pgcatalog.OIDTimestamptz:
		return 8
	case pgcatalog.OIDName:
		return 64
	}
	return -1
}

// formatOf is the format of column i: formats are none, one for all, or one for each.
func formatOf(formats []int16, i int) int16 {
	switch {
	case len(formats) == 0:
		return formatText
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return formatText
}

// rows sends rows of an answer.
func (w *writer) rows(r *pgcatalog.Result, formats []int16, from, to int) error {
	for i := from; i < to; i++ {
		values := make([][]byte, len(r.Columns))
		for j := range values {
			var err error
			if values[j], err = encode(w.types, r.Rows[i][j], r.Columns[j].Type, formatOf(formats, j)); err != nil {
				return err
			}
		}
		w.backend.Send(&pgproto3.DataRow{Values: values})
		if i%flushEvery == flushEvery-1 {
			if err := w.backend.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}
