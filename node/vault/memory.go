package vault

import "errors"

// Memory keeps a few bytes in a vault under a name.
type Memory struct {
	Vault *Vault
	Name  string
}

// Load returns what is kept; nil: nothing is.
func (m Memory) Load() ([]byte, error) {
	b, err := m.Vault.Get(m.Name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return b, err
}

// Save keeps other bytes instead.
func (m Memory) Save(b []byte) error { return m.Vault.Put(m.Name, b) }
