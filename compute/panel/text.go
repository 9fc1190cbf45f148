package panel

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ReadText reads a whole file of at most so many bytes as UTF-8 text without byte
// order mark, whatever of plain or gzip, UTF-8, UTF-16 or GB 18030 it is. Faults of the file
// are *Errors.
func ReadText(ctx context.Context, f File, most int) ([]byte, error) {
	var r *rowReader
	var text []byte
	err := inItsEncoding(func(gb18030 bool) (err error) {
		r = &rowReader{src: &Source{}, rows: &rows{file: f.Name}} // for what it says of broken files
		text, err = r.text(ctx, f, gb18030, most)
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.faults.Total > 0 {
		return nil, &r.faults
	}
	return text, nil
}

func (r *rowReader) text(ctx context.Context, f File, gb18030 bool, most int) (b []byte, err error) {
	text, closer, err := openText(f, gb18030)
	if err != nil {
		return nil, r.fileFault(err, 0)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	text.endless = true
	b, err = io.ReadAll(io.LimitReader(text, int64(most)+1))
	if err != nil {
		err = r.fileFault(err, text.line)
	} else if len(b) > most {
		r.fault(0, "", fmt.Sprintf("more than %d bytes", most), "")
	}
	if err != nil || r.faults.Total == 0 {
		return b, err
	}
	if err := text.damage(ctx); err != nil {
		return nil, r.fileFault(err, 0)
	}
	return nil, nil
}
