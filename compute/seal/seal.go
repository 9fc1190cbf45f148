package seal

import (
	"crypto/hpke"
	"errors"
	"fmt"
)

const (
	// PublicKeySize is the length of a receiving key in bytes: 1184 of
	// ML-KEM-768 (FIPS 203) and 32 of X25519.
	PublicKeySize = 1184 + 32
	// PrivateKeySize is the length of a private key in bytes: the seed both
	// halves are expanded from.
	PrivateKeySize = 32

	encapsulatedSize = 1088 + 32
	tagSize          = 16

	// Overhead is how many bytes longer than its plaintext a sealed message is:
	// version byte, encapsulated key, tag.
	Overhead = 1 + encapsulatedSize + tagSize
	// MaxPlaintext bounds a message in bytes, on both sides. The largest thing
	// sealed is a share of a private vector, 8 bytes an entity: this is room
	// for 8 million entities.
	MaxPlaintext = 64 << 20
)

// version is the first byte of every sealed message. It stands for the suite
// and the layout; it is bound by being part of the HPKE info.
const version = 1

// infoPrefix keeps messages of this layout apart from any other use that might
// ever be made of the same key.
const infoPrefix = "weir/seal/1\x00"

var (
	// ErrKey is returned when a public or private key is malformed.
	ErrKey = errors.New("malformed sealing key")
	// ErrOpen is returned when a sealed message does not open, whatever the
	// reason: a caller learns nothing from it that helps to forge one.
	ErrOpen = errors.New("sealed message does not open")
	// ErrTooLong is returned by Seal for a plaintext longer than MaxPlaintext.
	ErrTooLong = errors.New("message too long to seal")
)

// GenerateKey draws a key pair: a private key of PrivateKeySize bytes and its
// public key of PublicKeySize bytes.
func GenerateKey() (private, public []byte, err error) {
	key, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		return nil, nil, fmt.Errorf("generate sealing key: %w", err)
	}
	private, err = key.Bytes()
	if err != nil {
		return nil, nil, fmt.Errorf("encode sealing key: %w", err)
	}
	return private, key.PublicKey().Bytes(), nil
}

// PublicKey returns the public key, PublicKeySize bytes, of a private one.
func PublicKey(private []byte) ([]byte, error) {
	key, err := privateKey(private)
	if err != nil {
		return nil, err
	}
	return key.PublicKey().Bytes(), nil
}

// CheckPublicKey reports whether public is a key that can be sealed to: its
// length, and that every coefficient of its ML-KEM half is reduced.
func CheckPublicKey(public []byte) error {
	_, err := publicKey(public)
	return err
}

// Seal closes plaintext, at most MaxPlaintext bytes, to the holder of public.
// info names the purpose and aad the instance; neither is part of the result,
// which is Overhead bytes longer than plaintext.
func Seal(public, info, aad, plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLong, len(plaintext), MaxPlaintext)
	}
	key, err := publicKey(public)
	if err != nil {
		return nil, err
	}
	encapsulated, sender, err := hpke.NewSender(key, hpke.HKDFSHA256(), hpke.AES256GCM(), bound(info))
	if err != nil {
		// The X25519 half is a point of small order: the key's fault.
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	ciphertext, err := sender.Seal(aad, plaintext)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	sealed := make([]byte, 0, 1+len(encapsulated)+len(ciphertext))
	sealed = append(sealed, version)
	sealed = append(sealed, encapsulated...)
	return append(sealed, ciphertext...), nil
}

// Opener is a private key that is expanded from its seed, for a holder who opens one message after the other: expanding takes a
// third of what opening a short message does. It is safe for concurrent use.
type Opener struct{ key hpke.PrivateKey }

// NewOpener expands a private key. It returns ErrKey when the key is malformed.
func NewOpener(private []byte) (Opener, error) {
	key, err := privateKey(private)
	return Opener{key}, err
}

// Open returns the plaintext of a sealed message, and ErrOpen in every case of failure.
func (o Opener) Open(info, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead || len(sealed) > Overhead+MaxPlaintext || sealed[0] != version {
		return nil, ErrOpen
	}
	encapsulated, ciphertext := sealed[1:1+encapsulatedSize], sealed[1+encapsulatedSize:]
	recipient, err := hpke.NewRecipient(encapsulated, o.key, hpke.HKDFSHA256(), hpke.AES256GCM(), bound(info))
	if err != nil {
		return nil, ErrOpen
	}
	plaintext, err := recipient.Open(aad, ciphertext)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// Open returns the plaintext of a sealed message. It returns ErrKey when the
// private key is malformed, and ErrOpen in every other case of failure.
func Open(private, info, aad, sealed []byte) ([]byte, error) {
	o, err := NewOpener(private)
	if err != nil {
		return nil, err
	}
	return o.Open(info, aad, sealed)
}

func bound(info []byte) []byte {
	return append([]byte(infoPrefix), info...)
}

func publicKey(b []byte) (hpke.PublicKey, error) {
	key, err := hpke.MLKEM768X25519().NewPublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("%w: public key of %d bytes, want %d: %w", ErrKey, len(b), PublicKeySize, err)
	}
	return key, nil
}

func privateKey(b []byte) (hpke.PrivateKey, error) {
	key, err := hpke.MLKEM768X25519().NewPrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("%w: private key of %d bytes, want %d", ErrKey, len(b), PrivateKeySize)
	}
	return key, nil
}
