package spool

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client/sealed"
)

// A file begins with its format and its salt. Each record has a head of 16 bytes (the length
// of what follows, the record's number, a checksum of both) and its ciphertext, which is bound
// to the number. A file is written by one process only: numbers, which are the nonces, are
// used once under a salt.
const (
	fileFormat = "weir feed spool 1\n"
	saltSize   = 32
	headSize   = 16
	maxRecord  = 64 << 20
	suffix     = ".spool"
)

// journal is the file that is being written.
type journal struct {
	file   *os.File
	aead   cipher.AEAD
	number uint64
	buffer bytes.Buffer
}

// createJournal makes a file.
func createJournal(name string, files sealed.Files) (*journal, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	aead, err := files.Journal(salt)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Clean(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, aead: aead}
	j.buffer.WriteString(fileFormat)
	j.buffer.Write(salt)
	return j, nil
}

func (j *journal) close() error { return j.file.Close() }

// add adds a record to what is written next.
func (j *journal) add(plain []byte) {
	var head [headSize]byte
	fillHead(head[:], len(plain)+j.aead.Overhead(), j.number)
	j.buffer.Write(head[:])
	j.buffer.Write(j.aead.Seal(nil, nonce(j.number), plain, head[:]))
	j.number++
}

// flush writes what was added.
func (j *journal) flush() error {
	_, err := j.file.Write(j.buffer.Bytes())
	j.buffer.Reset()
	return err
}

// sync writes what was added, durably.
func (j *journal) sync() error {
	if err := j.flush(); err != nil {
		return err
	}
	return j.file.Sync()
}

func fillHead(head []byte, length int, number uint64) {
	binary.BigEndian.PutUint32(head, uint32(length)) //nolint:gosec // at most maxRecord
	binary.BigEndian.PutUint64(head[4:], number)
	binary.BigEndian.PutUint32(head[12:], crc32.ChecksumIEEE(head[:12]))
}

// parseHead is what a head says; false: it is none.
func parseHead(head []byte) (length int, number uint64, ok bool) {
	length = int(binary.BigEndian.Uint32(head))
	ok = binary.BigEndian.Uint32(head[12:]) == crc32.ChecksumIEEE(head[:12]) && length <= maxRecord
	return length, binary.BigEndian.Uint64(head[4:]), ok
}

func nonce(number uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 4, 12), number) }

// load reads the files that there are, and writes one in their place.
func (s *Spool) load() error {
	names, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix))
	if err != nil {
		return fmt.Errorf("look into the spool: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := s.replay(name); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return s.rewrite()
}

// replay applies the records of a file.
func (s *Spool) replay(name string) error {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	in := bufio.NewReaderSize(f, 1<<20)
	begin := make([]byte, len(fileFormat)+saltSize)
	if n, err := io.ReadFull(in, begin); err != nil {
		s.torn += int64(n) // it was made, and nothing was kept in it yet
		return nil         //nolint:nilerr // as said
	}
	if string(begin[:len(fileFormat)]) != fileFormat {
		return fmt.Errorf("%w: it does not begin as a spool does", ErrDamaged)
	}
	aead, err := s.files.Journal(begin[len(fileFormat):])
	if err != nil {
		return err
	}
	at := int64(len(begin))
	for number := uint64(0); ; number++ {
		plain, size, err := readRecord(in, aead, number)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.tail(f, aead, at, number)
		}
		var o Outcome
		if err := s.apply(plain, &o); err != nil {
			return err
		}
		at += int64(size)
	}
}

// errTorn is returned for what is no record.
var errTorn = errors.New("half a record")

// readRecord reads the next record of a file.
func readRecord(in io.Reader, aead cipher.AEAD, want uint64) (plain []byte, size int, err error) {
	var head [headSize]byte
	if n, err := io.ReadFull(in, head[:]); err != nil {
		if n == 0 {
			return nil, 0, io.EOF
		}
		return nil, 0, errTorn
	}
	length, number, ok := parseHead(head[:])
	if !ok || number != want {
		return nil, 0, errTorn
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, 0, errTorn
	}
	plain, err = aead.Open(b[:0], nonce(number), b, head[:])
	if err != nil {
		return nil, 0, errTorn
	}
	return plain, headSize + length, nil
}

// tail drops what is behind the last record that opens: half of one, unless others follow it.
func (s *Spool) tail(f *os.File, aead cipher.AEAD, at int64, number uint64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	rest := make([]byte, info.Size()-at)
	if _, err := f.ReadAt(rest, at); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for from := 1; from+headSize <= len(rest); from++ {
		if _, next, ok := parseHead(rest[from : from+headSize]); !ok || next <= number {
			continue
		} else if _, _, err := readRecord(bytes.NewReader(rest[from:]), aead, next); err == nil {
			return fmt.Errorf("%w: record %d does not open, and record %d behind it does", ErrDamaged, number, next)
		}
	}
	if number == 0 {
		return fmt.Errorf("%w: not one of its records opens", ErrDamaged)
	}
	s.torn += int64(len(rest))
	return nil
}

// rewrite writes all that is kept into a new file, and removes the others.
func (s *Spool) rewrite() error {
	old, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix))
	if err != nil {
		return err
	}
	slices.Sort(old)
	next := 1
	if len(old) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(old[len(old)-1]), "%d"+suffix, &next); err != nil {
			return fmt.Errorf("%s is not the name of a file of a spool", old[len(old)-1])
		}
		next++
	}
	name := filepath.Join(s.dir, fmt.Sprintf("%08d%s", next, suffix))
	j, err := createJournal(name+".new", s.files)
	if err != nil {
		return fmt.Errorf("write the spool anew: %w", err)
	}
	err = s.dump(j)
	if err == nil {
		err = j.sync()
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err == nil {
		err = durable.SyncDir(s.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the spool anew: %w", err), j.close())
	}
	for _, o := range old {
		err = errors.Join(err, os.Remove(o))
	}
	if s.file != nil {
		err = errors.Join(err, s.file.close())
	}
	s.file = j
	return err
}

// dumpEvery is how much of a file is written at once.
const dumpEvery = 4 << 20

// dump adds records of all that is kept.
func (s *Spool) dump(j *journal) error {
	j.add(binary.AppendUvarint([]byte{kindBegin}, s.change))
	j.add(appendPeriods([]byte{kindPeriods}, slices.Sorted(maps.Keys(s.appended))))
	for _, key := range slices.Sorted(maps.Keys(s.marks)) {
		j.add(encodeMark(Mark{key, s.marks[key]}))
	}
	for key, c := range s.cells {
		j.add(encodeCell(s.list[key.entity], s.list[key.measure], key.period, c))
		if j.buffer.Len() > dumpEvery {
			if err := j.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes what is asked for: all that waits at once, with one fsync.
func (s *Spool) write() {
	defer close(s.ended)
	for {
		var group []*request
		select {
		case r := <-s.queue:
			group = append(group, r)
		case <-s.closing:
			return
		}
		for more := true; more && len(group) < maxGroup; {
			select {
			case r := <-s.queue:
				group = append(group, r)
			default:
				more = false
			}
		}
		s.commit(group)
	}
}

// maxGroup bounds the requests of one fsync.
const maxGroup = 4096

// commit writes the records of requests, and applies them once they are on disk.
func (s *Spool) commit(group []*request) {
	err := s.failed()
	if err == nil {
		for _, r := range group {
			for _, b := range r.records {
				s.file.add(b)
			}
		}
		err = s.file.sync()
	}
	s.mu.Lock()
	rewrite := false
	for _, r := range group {
		if err == nil {
			for _, b := range r.records {
				err = errors.Join(err, s.apply(b, &r.applied))
			}
		}
		rewrite = rewrite || r.rewrite
	}
	if err == nil && rewrite {
		err = s.rewrite()
	}
	if err != nil && s.broken == nil {
		s.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	err = s.broken
	s.mu.Unlock()
	for _, r := range group {
		r.done <- err
	}
}
