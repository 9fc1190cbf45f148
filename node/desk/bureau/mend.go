package bureau

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/desk/route"
)

// maxMends is the most mends of a draft, maxCell the most bytes of one: who has more mends the file.
const (
	maxMends = 10_000
	maxCell  = 10_000
)

// Mend is another text for a cell of a file, or a row that is left out. The file stays as it is.
type Mend struct {
	File   string `json:"file"`
	Row    int    `json:"row"`    // the line on which it begins
	Column int    `json:"column"` // from 0
	Text   string `json:"text"`
	Out    bool   `json:"out,omitempty"` // the row is left out
}

// rowMend are the mends of a row.
type rowMend struct {
	out   bool
	texts map[int]string
}

// mend keeps mends of cells.
func (s *drafts) mend(id string, mends []Mend) (Draft, error) {
	return s.change(id, func(d *draft) error {
		list := slices.Clone(d.Mends)
		for _, m := range mends {
			if m.Row < 1 || m.Column < 0 || len(m.Text) > maxCell {
				return route.BadField("row", fmt.Sprintf("row %d, column %d is no cell", m.Row, m.Column), "mend a cell that the table shows")
			}
			at := slices.IndexFunc(list, func(x Mend) bool {
				return x.File == m.File && x.Row == m.Row && x.Out == m.Out && (m.Out || x.Column == m.Column)
			})
			switch {
			case at >= 0:
				list[at] = m
			case len(list) == maxMends:
				return route.BadField("row", fmt.Sprintf("%d cells were mended already", maxMends), "mend the file, and drop it again")
			default:
				list = append(list, m)
			}
		}
		d.Mends = list
		return nil
	})
}

// unmend takes the mends of a draft back.
func (s *drafts) unmend(id string) (Draft, error) {
	return s.change(id, func(d *draft) error {
		d.Mends = []Mend{}
		return nil
	})
}

// mendsOf are the mends of a file, by row.
func mendsOf(all []Mend, file string) map[int]rowMend {
	out := map[int]rowMend{}
	for _, m := range all {
		if m.File != file {
			continue
		}
		r := out[m.Row]
		if r.texts == nil {
			r.texts = map[int]string{}
		}
		if m.Out {
			r.out = true
		} else {
			r.texts[m.Column] = m.Text
		}
		out[m.Row] = r
	}
	return out
}

// mended is a file whose rows are read with mends laid over them.
func mended(f panel.File, o table.Options, mends map[int]rowMend) panel.File {
	return panel.File{Name: f.Name, Rows: func(ctx context.Context, into table.Sink) error {
		return table.Read(ctx, f, o, &mender{Sink: into, mends: mends})
	}}
}

// mender hands a table on with mends laid over it.
type mender struct {
	table.Sink
	mends map[int]rowMend
}

// Row implements table.Sink.
func (m *mender) Row(fields []string, line int) error {
	r, is := m.mends[line]
	switch {
	case !is:
		return m.Sink.Row(fields, line)
	case r.out:
		return nil
	}
	fields = slices.Clone(fields)
	for at, text := range r.texts {
		for at >= len(fields) && at < maxColumns {
			fields = append(fields, "")
		}
		if at < len(fields) {
			fields[at] = text
		}
	}
	return m.Sink.Row(fields, line)
}

// maxColumns is the most columns of a table that are shown and mended.
const maxColumns = 200
