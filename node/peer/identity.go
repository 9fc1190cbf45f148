package peer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// ErrIdentity is returned for a private key that is not an Ed25519 one.
var ErrIdentity = errors.New("unusable node key")

// Identity is a node's Ed25519 key and the certificate that carries it.
type Identity struct {
	private     ed25519.PrivateKey
	certificate tls.Certificate
}

// NewIdentity makes the identity of a private key. The certificate follows from
// the key: the same one at every start. Only its public key means anything.
func NewIdentity(private ed25519.PrivateKey) (*Identity, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrIdentity, len(private), ed25519.PrivateKeySize)
	}
	// A private key whose public half is not its own signs what nobody can
	// verify, and gives itself away (double public key attack).
	key := ed25519.NewKeyFromSeed(private.Seed())
	if !key.Equal(private) {
		return nil, fmt.Errorf("%w: its public half is of another key", ErrIdentity)
	}
	der, err := selfSigned(key)
	if err != nil {
		return nil, fmt.Errorf("make node certificate: %w", err)
	}
	return &Identity{
		private:     key,
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

// Public returns the node's public key.
func (i *Identity) Public() ed25519.PublicKey {
	return i.private.Public().(ed25519.PublicKey) // by its documentation
}

// Sign signs a message with the node's key (Ed25519, RFC 8032, pure).
func (i *Identity) Sign(message []byte) []byte {
	return ed25519.Sign(i.private, message)
}

// selfSigned returns the DER form of a certificate without well-defined expiry
// (RFC 5280 section 4.1.2.5) and with loopback names, for the sake of tools.
func selfSigned(key ed25519.PrivateKey) ([]byte, error) {
	public := key.Public().(ed25519.PublicKey) // by its documentation
	sum := sha256.Sum256(public)
	serial := new(big.Int).SetBytes(sum[:16])
	serial.SetBit(serial, 127, 0).SetBit(serial, 126, 1) // positive, never 0
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "weir node"},
		NotBefore:             time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	return x509.CreateCertificate(rand.Reader, template, template, public, key)
}
