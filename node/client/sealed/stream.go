package sealed

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A sealed file of format 2 is written and read in segments, so that no more than one is
// in memory: the format's byte, 32 random bytes from which the file's key follows with the
// signing key, and the segments, of segmentSize bytes but the last one, each sealed with
// AES-256-GCM. A segment's nonce is its number and whether it is the last: segments that
// are exchanged, left out or cut off are noticed.
const (
	streamFormat = 2
	segmentSize  = 64 << 10
	streamSalt   = 32
)

// ErrDamaged is returned for a sealed file that is not whole, or of another key.
var ErrDamaged = errors.New("the sealed file is damaged")

// streamSealer is the cipher of one file.
func (f Files) streamSealer(salt []byte) (cipher.AEAD, error) {
	return f.salted(salt, "weir sealed stream 2")
}

// salted is a cipher under the key of a salt, whose nonces are the caller's.
func (f Files) salted(salt []byte, purpose string) (cipher.AEAD, error) {
	block, err := f.cipher(salt, purpose)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// segmentNonce is a segment's nonce under the file's own key.
func segmentNonce(number uint64, last bool) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[3:], number)
	if last {
		nonce[11] = 1
	}
	return nonce
}

// WriteStream keeps in a sealed file what write writes, in the place of what it held:
// whole and durably, or not at all.
func (f Files) WriteStream(name string, write func(io.Writer) error) error {
	salt := make([]byte, streamSalt)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	aead, err := f.streamSealer(salt)
	if err != nil {
		return err
	}
	return replace(name, func(file io.Writer) error {
		out := bufio.NewWriterSize(file, segmentSize)
		s := &segmentWriter{to: out, aead: aead, aad: bound(streamFormat, name)}
		defer func() { clear(s.plain[:cap(s.plain)]) }()
		if _, err := out.Write(append([]byte{streamFormat}, salt...)); err != nil {
			return err
		}
		if err := write(s); err != nil {
			return err
		}
		if err := s.seal(true); err != nil {
			return err
		}
		return out.Flush()
	})
}

// segmentWriter seals what is written.
type segmentWriter struct {
	to     io.Writer
	aead   cipher.AEAD
	aad    []byte
	plain  []byte // of the segment that is being filled
	number uint64
}

// Write implements io.Writer.
func (s *segmentWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(s.plain) == segmentSize { // another one follows
			if err := s.seal(false); err != nil {
				return 0, err
			}
		}
		if s.plain == nil {
			s.plain = make([]byte, 0, segmentSize)
		}
		part := min(segmentSize-len(s.plain), len(p))
		s.plain, p = append(s.plain, p[:part]...), p[part:]
	}
	return n, nil
}

func (s *segmentWriter) seal(last bool) error {
	_, err := s.to.Write(s.aead.Seal(nil, segmentNonce(s.number, last), s.plain, s.aad))
	s.number++
	s.plain = s.plain[:0]
	return err
}

// Open opens a sealed file of either format; nil where there is none. Reading ends with
// ErrDamaged where it is damaged or of another key.
func (f Files) Open(name string) (io.ReadCloser, error) {
	file, err := os.Open(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(file, segmentSize+64)
	head, err := in.Peek(1)
	switch {
	case err == nil && head[0] == streamFormat:
		var begin [1 + streamSalt]byte
		if _, err := io.ReadFull(in, begin[:]); err != nil {
			return nil, errors.Join(ErrDamaged, file.Close())
		}
		aead, err := f.streamSealer(begin[1:])
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return &segmentReader{in: in, file: file, aead: aead, aad: bound(streamFormat, name)}, nil
	case err == nil && head[0] == format:
		plain, err := f.Read(name)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		if plain == nil {
			return nil, ErrDamaged
		}
		return &plainReader{Reader: bytes.NewReader(plain), plain: plain}, nil
	}
	return nil, errors.Join(ErrDamaged, file.Close())
}

// segmentReader opens a sealed file segment by segment.
type segmentReader struct {
	in     *bufio.Reader
	file   *os.File
	aead   cipher.AEAD
	aad    []byte
	plain  []byte // what was opened and not read yet
	buffer [segmentSize + 16]byte
	number uint64
	ended  bool
}

// Read implements io.Reader.
func (s *segmentReader) Read(p []byte) (int, error) {
	for len(s.plain) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

func (s *segmentReader) next() error {
	n, err := io.ReadFull(s.in, s.buffer[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrDamaged
	}
	if _, err := s.in.Peek(1); errors.Is(err, io.EOF) {
		s.ended = true
	} else if err != nil {
		return err
	}
	plain, err := s.aead.Open(s.buffer[:0], segmentNonce(s.number, s.ended), s.buffer[:n], s.aad)
	if err != nil {
		return ErrDamaged
	}
	s.plain = plain
	s.number++
	return nil
}

// Close implements io.Closer.
func (s *segmentReader) Close() error {
	clear(s.buffer[:])
	return s.file.Close()
}

// plainReader reads what was opened as a whole.
type plainReader struct {
	*bytes.Reader
	plain []byte
}

// Close implements io.Closer.
func (r *plainReader) Close() error {
	clear(r.plain)
	return nil
}

// Journal is a cipher of one file that grows record by record: its key follows from the
// signing key and the file's own salt, of 32 random bytes. Whoever uses it never seals two
// records of one salt with one nonce.
func (f Files) Journal(salt []byte) (cipher.AEAD, error) {
	return f.salted(salt, "weir sealed journal 1")
}
