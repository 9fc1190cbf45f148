package spill

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
)

// DefaultMemory is how many bytes a store keeps in memory unless another number is named:
// data sets of a few million readings need no file.
const DefaultMemory = 64 << 20

// ErrDamaged is returned for a block of the file that is not what was written.
var ErrDamaged = errors.New("the temporary file is damaged")

// Store is where lists of numbers are kept. It may be used by several goroutines.
type Store struct {
	dir  string
	most int // bytes in memory

	mu   sync.Mutex
	held int         // guarded by mu; bytes in memory
	file *os.File    // guarded by mu; nil: not needed yet
	aead cipher.AEAD // guarded by mu; with file
	end  int64       // guarded by mu; of the file
	next uint64      // guarded by mu; number of the next block in the file
	shut bool        // guarded by mu
}

// New returns a store with a directory for its file (empty: that of the system for
// temporary files) and how many bytes it keeps in memory (0: DefaultMemory).
func New(dir string, memory int) *Store {
	if memory == 0 {
		memory = DefaultMemory
	}
	return &Store{dir: dir, most: memory}
}

// Close removes the file. Numbers of the store must not be read any more.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	shut := s.shut
	s.shut = true
	if s.file == nil || shut {
		return nil
	}
	err := s.file.Close()
	if rerr := os.Remove(s.file.Name()); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	if err != nil {
		return fmt.Errorf("remove the temporary file: %w", err)
	}
	return nil
}

// open makes the file and its key; mu is held.
func (s *Store) open() error {
	if s.file != nil {
		return nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("draw the key of the temporary file: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("draw the key of the temporary file: %w", err)
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return fmt.Errorf("draw the key of the temporary file: %w", err)
	}
	if s.file, err = os.CreateTemp(s.dir, "weir-spill-"); err != nil { // of mode 0600
		return fmt.Errorf("make a temporary file: %w", err)
	}
	return unname(s.file)
}

// block is a part of a list: its bytes, or where they are in the file.
type block struct {
	bytes  []byte // nil: in the file
	at     int64
	size   int
	number uint64
}

// put keeps bytes, which the caller goes on to use.
func (s *Store) put(b []byte) (block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return block{}, os.ErrClosed
	}
	if s.held+len(b) <= s.most {
		s.held += len(b)
		return block{bytes: append([]byte(nil), b...)}, nil
	}
	if err := s.open(); err != nil {
		return block{}, err
	}
	out := block{at: s.end, number: s.next}
	nonce := nonceOf(out.number)
	sealed := s.aead.Seal(nil, nonce[:], b, nil)
	out.size = len(sealed)
	if _, err := s.file.WriteAt(sealed, s.end); err != nil {
		return block{}, fmt.Errorf("write the temporary file: %w", err)
	}
	s.end += int64(len(sealed))
	s.next++
	return out, nil
}

// get returns the bytes of a block, to be read only. scratch may be used for them.
func (s *Store) get(b block, scratch []byte) ([]byte, error) {
	if b.bytes != nil {
		return b.bytes, nil
	}
	s.mu.Lock()
	file, aead, shut := s.file, s.aead, s.shut
	s.mu.Unlock()
	if shut {
		return nil, os.ErrClosed
	}
	if cap(scratch) < b.size {
		scratch = make([]byte, b.size)
	}
	sealed := scratch[:b.size]
	if _, err := file.ReadAt(sealed, b.at); err != nil {
		return nil, fmt.Errorf("read the temporary file: %w", err)
	}
	nonce := nonceOf(b.number)
	plain, err := aead.Open(sealed[:0], nonce[:], sealed, nil)
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// nonceOf is the nonce of a block: no number is used twice under a key.
func nonceOf(number uint64) (n [12]byte) {
	binary.BigEndian.PutUint64(n[4:], number)
	return n
}
