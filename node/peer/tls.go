package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

// The protocols of the peer port, as ALPN names them.
const (
	ProtocolRaft = "weir-raft/1"
	ProtocolPeer = "weir-peer/1"
)

var (
	// ErrNotPinned is returned when the other side of a connection proved a
	// key that is not the expected one, or none.
	ErrNotPinned = errors.New("key is not pinned")
	// ErrProtocol is returned when the other side of a connection did not
	// agree to TLS 1.3, X25519MLKEM768 and the protocol asked for.
	ErrProtocol = errors.New("unacceptable connection")
	// ErrUnknownNode is returned for a node id or address that is not in the
	// roster.
	ErrUnknownNode = errors.New("node is not in the roster")
)

// ServerTLS is the configuration of a node's peer port: it accepts the keys of
// the roster, as it is at the time of the handshake.
func ServerTLS(identity *Identity, roster *Roster) *tls.Config {
	c := peerTLS(identity, func(key ed25519.PublicKey) error {
		if _, ok := roster.MemberByKey(key); !ok {
			return fmt.Errorf("%w: no node of the roster has it", ErrNotPinned)
		}
		return nil
	}, ProtocolPeer, ProtocolRaft)
	// Any certificate: VerifyConnection judges its key, and the handshake
	// proves the possession of it.
	c.ClientAuth = tls.RequireAnyClientCert
	return c
}

// ClientTLS is the configuration for dialling one node to speak one protocol
// (ProtocolRaft or ProtocolPeer): it accepts the key that the roster has for
// that node, as it is at the time of the handshake, and no other.
func ClientTLS(identity *Identity, roster *Roster, node, protocol string) *tls.Config {
	c := peerTLS(identity, func(key ed25519.PublicKey) error {
		if !roster.pins(node, key) {
			return fmt.Errorf("%w: it is not that of node %s", ErrNotPinned, node)
		}
		return nil
	}, protocol)
	c.InsecureSkipVerify = true //nolint:gosec // G402: VerifyConnection is stricter than a chain and a host name
	return c
}

// peerTLS is what both sides of a peer connection have in common; pinned says what is wrong with
// the other side's key. There are no session tickets: a resumed session would keep a key that has left the roster,
// and peers keep their connections anyway.
func peerTLS(identity *Identity, pinned func(ed25519.PublicKey) error, protocols ...string) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{identity.certificate},
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768},
		SessionTicketsDisabled: true,
		NextProtos:             protocols,
		VerifyConnection: func(s tls.ConnectionState) error {
			if err := checkConnection(s, protocols); err != nil {
				return err
			}
			key, err := leafKey(s)
			if err != nil {
				return err
			}
			return pinned(key)
		},
	}
}

// APIServerTLS is the configuration of a node's port for clients. It shows the
// node's key, which Weir's clients pin (PinnedClientTLS). TLS 1.3 only;
// X25519MLKEM768 wherever the client knows it, X25519 for those who do not yet.
//
// Browsers refuse Ed25519 certificates; further certificates, say an ECDSA one
// that they trust, are shown to clients that cannot use the node's own.
func APIServerTLS(identity *Identity, further ...tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates:           append([]tls.Certificate{identity.certificate}, further...),
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768, tls.X25519},
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2", "http/1.1"},
	}
}

// PinnedClientTLS is the configuration of a client that accepts any of these
// nodes' keys and nothing else, over TLS 1.3 and X25519MLKEM768. Without keys
// it accepts nobody.
func PinnedClientTLS(keys []ed25519.PublicKey) *tls.Config {
	pinned := make([]ed25519.PublicKey, len(keys))
	for i, k := range keys {
		pinned[i] = slices.Clone(k)
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768},
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2", "http/1.1"},
		InsecureSkipVerify:     true, //nolint:gosec // G402: VerifyConnection is stricter than a chain and a host name
		VerifyConnection: func(s tls.ConnectionState) error {
			key, err := leafKey(s)
			if err == nil && !slices.ContainsFunc(pinned, func(k ed25519.PublicKey) bool { return bytes.Equal(k, key) }) {
				return fmt.Errorf("%w: the server is none of the cluster's nodes", ErrNotPinned)
			}
			return err
		},
	}
}

// checkConnection repeats what the configuration already demands, because that
// it was demanded is invisible once the connection is up. A side that offers no
// ALPN at all is stopped only here.
func checkConnection(s tls.ConnectionState, protocols []string) error {
	if s.Version != tls.VersionTLS13 || s.CurveID != tls.X25519MLKEM768 || s.DidResume {
		return fmt.Errorf("%w: %s with %s, resumed: %t", ErrProtocol, tls.VersionName(s.Version), s.CurveID, s.DidResume)
	}
	if !slices.Contains(protocols, s.NegotiatedProtocol) {
		return fmt.Errorf("%w: protocol %q", ErrProtocol, s.NegotiatedProtocol)
	}
	return nil
}

// leafKey returns the key that the other side proved.
func leafKey(s tls.ConnectionState) (ed25519.PublicKey, error) {
	if len(s.PeerCertificates) == 0 {
		return nil, fmt.Errorf("%w: no certificate was shown", ErrNotPinned)
	}
	key, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: %s instead of Ed25519", ErrNotPinned, s.PeerCertificates[0].PublicKeyAlgorithm)
	}
	return key, nil
}
