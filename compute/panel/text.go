package panel

import (
	"context"
	"fmt"
	"io"
)

// ReadText reads a whole file of at most so many bytes as UTF-8 text without byte
// order mark, whatever of plain or gzip, UTF-8, UTF-16 or GB 18030 it is. Faults of the file
// are *Errors.
func ReadText(ctx context.Context, f File, most int) ([]byte, error) {
	var r *rowReader
	var b []byte
	err := inItsEncoding(func(gb18030 bool) error {
		r = &rowReader{src: &Source{}, rows: &rows{file: f.Name}} // for what it says of broken files
		return r.open(ctx, f, gb18030, &r.faults, func(_ context.Context, text *textReader) (err error) {
			text.endless = true
			if b, err = io.ReadAll(io.LimitReader(text, int64(most)+1)); err != nil {
				return r.fileFault(err, text.line)
			}
			if len(b) > most {
				r.fault(0, "", fmt.Sprintf("more than %d bytes", most), "")
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	if r.faults.Total > 0 {
		return nil, &r.faults
	}
	return b, nil
}
