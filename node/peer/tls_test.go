package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestNodesTalkAndKnowWhoCalls(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b", "c")
	for _, from := range nodes {
		for to := range nodes {
			wantEcho(t, from, to)
		}
	}
	for _, n := range nodes {
		n.refused.empty(t)
		n.failed.empty(t)
	}
}

func TestStrangerIsRefusedWhenDialling(t *testing.T) {
	a := startCluster(t, Options{}, ServerOptions{}, echo, "a")["a"]
	stranger := startNode(t, "b", newIdentity(t, "stranger"), Options{}, ServerOptions{})
	stranger.setRoster(t, a.member())
	_, err := stranger.client.Do(t.Context(), "a", http.MethodPost, "/echo", []byte("let me in"))
	if !errors.Is(err, ErrUnreachable) {
		t.Fatalf("request: %v, want ErrUnreachable", err)
	}
	if err := a.refused.next(t); !errors.Is(err, ErrNotPinned) {
		t.Fatalf("refused for %v, want ErrNotPinned", err)
	}
	// The dial itself fails, not some later read.
	if _, err := stranger.mux.Raft().Dial(a.mux.Addr().String(), 0); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("raft dial: %v, want ErrUnreachable", err)
	}
	a.failed.empty(t)
}

func TestStrangerIsRefusedWhenDialled(t *testing.T) {
	stranger := startNode(t, "b", newIdentity(t, "stranger"), Options{}, ServerOptions{})
	a := startCluster(t, Options{}, ServerOptions{}, echo, "a")["a"]
	stranger.setRoster(t, a.member()) // it would gladly answer
	stranger.serve(t)
	a.setRoster(t, a.member(), Member{ID: "b", Key: newIdentity(t, "b").Public(), Addr: stranger.mux.Addr().String()})
	_, err := a.client.Do(t.Context(), "b", http.MethodPost, "/echo", []byte("a secret"))
	if !errors.Is(err, ErrNotPinned) || !errors.Is(err, ErrUnreachable) {
		t.Fatalf("%v, want ErrUnreachable for ErrNotPinned", err)
	}
	if err := stranger.refused.next(t); err == nil {
		t.Fatal("the stranger accepted")
	}
	stranger.failed.empty(t) // no request arrived: it would have failed for want of a route
}

// Both are members; still a's key must not do where b is expected.
func TestNodeCannotPoseAsAnother(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b", "c")
	impostor, err := Listen("127.0.0.1:0", nodes["a"].identity, nodes["a"].roster, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := impostor.Close(); err != nil {
			t.Error(err)
		}
	})
	c := nodes["c"]
	b := nodes["b"].member()
	b.Addr = impostor.Addr().String() // say, by a forged ARP or DNS answer
	c.setRoster(t, nodes["a"].member(), b, c.member())
	if _, err := c.client.Do(t.Context(), "b", http.MethodPost, "/echo", nil); !errors.Is(err, ErrNotPinned) {
		t.Fatalf("request: %v, want ErrNotPinned", err)
	}
	if _, err := c.mux.Raft().Dial(b.Addr, 0); !errors.Is(err, ErrNotPinned) {
		t.Fatalf("raft: %v, want ErrNotPinned", err)
	}
}

// Only the key counts, so neither a lapsed date nor a foreign name matter, and
// a copied certificate without its key is worth nothing.
func TestCertificateOnlyCarriesTheKey(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b")
	a, b := nodes["a"], nodes["b"]
	t.Run("expired", func(t *testing.T) {
		old := &Identity{private: a.identity.private, certificate: expiredCertificate(t, a.identity.private)}
		client, err := NewClient(old, a.roster, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		got, err := client.Do(t.Context(), "b", http.MethodPost, "/echo", nil)
		if err != nil || string(got) != "a:" {
			t.Fatalf("expired client: %q, %v", got, err)
		}
		mux, err := Listen("127.0.0.1:0", old, a.roster, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := mux.Close(); err != nil {
				t.Error(err)
			}
		}()
		go acceptAndClose(mux.Raft())
		moved := a.member()
		moved.Addr = mux.Addr().String()
		b.setRoster(t, moved, b.member())
		conn, err := b.mux.Raft().Dial(moved.Addr, 0)
		if err != nil {
			t.Fatalf("expired server: %v", err)
		}
		_ = conn.Close()
	})
	t.Run("copied", func(t *testing.T) {
		thief := newIdentity(t, "thief")
		thief.certificate.Certificate = a.identity.certificate.Certificate
		client, err := NewClient(thief, a.roster, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Do(t.Context(), "b", http.MethodPost, "/echo", nil); !errors.Is(err, ErrUnreachable) {
			t.Fatalf("%v, want ErrUnreachable", err)
		}
		if err := b.refused.next(t); err == nil {
			t.Fatal("not refused")
		}
	})
}

func acceptAndClose(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = c.Close()
	}
}

func expiredCertificate(t testing.TB, key ed25519.PrivateKey) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2002, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames:     []string{"elsewhere.example"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func ecdsaCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// weakenings are the ways in which one side of a connection may ask for less.
var weakenings = []struct {
	name   string
	change func(t testing.TB, c *tls.Config)
}{
	{"TLS 1.2", func(_ testing.TB, c *tls.Config) {
		c.MinVersion, c.MaxVersion, c.CurvePreferences = tls.VersionTLS12, tls.VersionTLS12, nil
	}},
	{"X25519 alone", func(_ testing.TB, c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} }},
	{"P-256 alone", func(_ testing.TB, c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} }},
	{"another hybrid", func(_ testing.TB, c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.SecP256r1MLKEM768} }},
	{"another protocol", func(_ testing.TB, c *tls.Config) { c.NextProtos = []string{"h2"} }},
	{"no protocol", func(_ testing.TB, c *tls.Config) { c.NextProtos = nil }},
	{"ECDSA key", func(t testing.TB, c *tls.Config) { c.Certificates = []tls.Certificate{ecdsaCertificate(t)} }},
}

func TestPortRefusesWeakerConnections(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b")
	a, b := nodes["a"], nodes["b"]
	try := func(t *testing.T, change func(t testing.TB, c *tls.Config)) error {
		config := ClientTLS(a.identity, a.roster, "b", ProtocolPeer)
		config.VerifyConnection = nil // the other side has to refuse on its own
		if change != nil {
			change(t, config)
		}
		d := tls.Dialer{Config: config}
		conn, err := d.DialContext(t.Context(), "tcp", b.mux.Addr().String())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, err = conn.Read(make([]byte, 1))
		return err
	}
	if err := try(t, nil); err != nil {
		t.Fatalf("without weakening: %v", err)
	}
	none := func(_ testing.TB, c *tls.Config) { c.Certificates = nil }
	for _, w := range append(weakenings, struct {
		name   string
		change func(t testing.TB, c *tls.Config)
	}{"no certificate", none}) {
		t.Run(w.name, func(t *testing.T) {
			if err := try(t, w.change); err == nil {
				t.Fatal("accepted")
			}
			if err := b.refused.next(t); err == nil {
				t.Fatal("not refused")
			}
		})
	}
}

func TestDiallerRefusesWeakerConnections(t *testing.T) {
	a := startCluster(t, Options{}, ServerOptions{}, nil, "a")["a"]
	b := newIdentity(t, "b")
	try := func(t *testing.T, change func(t testing.TB, c *tls.Config)) error {
		config := ServerTLS(b, newRoster(t, a.member()))
		config.VerifyConnection = nil
		if change != nil {
			change(t, config)
		}
		l, err := tls.Listen("tcp", "127.0.0.1:0", config)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		defer wg.Wait()
		defer func() { _ = l.Close() }()
		wg.Go(func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte{greeting}) // fails when the dialler refuses, as it should
			_ = conn.Close()
		})
		a.setRoster(t, a.member(), Member{ID: "b", Key: b.Public(), Addr: l.Addr().String()})
		conn, err := a.mux.Raft().Dial(l.Addr().String(), 0)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := try(t, nil); err != nil {
		t.Fatalf("without weakening: %v", err)
	}
	for _, w := range weakenings {
		t.Run(w.name, func(t *testing.T) {
			if err := try(t, w.change); !errors.Is(err, ErrUnreachable) {
				t.Fatalf("%v, want ErrUnreachable", err)
			}
		})
	}
}

// A resumed session would outlive the pin.
func TestSessionsAreNotResumed(t *testing.T) {
	nodes := startCluster(t, Options{}, ServerOptions{}, echo, "a", "b")
	config := ClientTLS(nodes["a"].identity, nodes["a"].roster, "b", ProtocolPeer)
	config.SessionTicketsDisabled = false
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	d := tls.Dialer{Config: config}
	for range 2 {
		conn, err := d.DialContext(t.Context(), "tcp", nodes["b"].mux.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the greeting; tickets would come before
			t.Fatal(err)
		}
		state := conn.(*tls.Conn).ConnectionState()
		if state.DidResume || state.CurveID != tls.X25519MLKEM768 {
			t.Fatalf("resumed: %t, with %s", state.DidResume, state.CurveID)
		}
		_ = conn.Close()
	}
}

func TestClientPortPrefersMLKEMAndPinsKeys(t *testing.T) {
	node := newIdentity(t, "a")
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: patience, ErrorLog: log.New(io.Discard, "", 0)}
	l, err := tls.Listen("tcp", "127.0.0.1:0", APIServerTLS(node))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) })
	defer wg.Wait()
	defer func() { _ = server.Close() }()
	dial := func(config *tls.Config) (tls.ConnectionState, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState(), nil
	}
	other := newIdentity(t, "other").Public()
	state, err := dial(PinnedClientTLS([]ed25519.PublicKey{other, node.Public()}))
	if err != nil {
		t.Fatal(err)
	}
	if state.CurveID != tls.X25519MLKEM768 || state.NegotiatedProtocol != "h2" {
		t.Errorf("a pinning client got %s and %q", state.CurveID, state.NegotiatedProtocol)
	}
	for name, keys := range map[string][]ed25519.PublicKey{"another key": {other}, "no key": nil} {
		if _, err := dial(PinnedClientTLS(keys)); !errors.Is(err, ErrNotPinned) {
			t.Errorf("pinned to %s: %v, want ErrNotPinned", name, err)
		}
	}
	// An ordinary client of today, and one of yesterday.
	ordinary := &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}} //nolint:gosec // G402: a client that trusts everybody
	if state, err = dial(ordinary); err != nil || state.CurveID != tls.X25519 {
		t.Errorf("X25519 client: %s, %v", state.CurveID, err)
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12} //nolint:gosec // G402: a client that trusts everybody
	if _, err := dial(old); err == nil {
		t.Error("a TLS 1.2 client was served")
	}
}

// Browsers do not take Ed25519; a further certificate is for them, and never
// instead of the node's own where that is understood.
func TestClientPortShowsFurtherCertificatesOnlyWhereNeeded(t *testing.T) {
	config := APIServerTLS(newIdentity(t, "a"), ecdsaCertificate(t))
	shown := func(schemes ...tls.SignatureScheme) int {
		hello := &tls.ClientHelloInfo{
			SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: schemes,
			SupportedCurves: []tls.CurveID{tls.X25519MLKEM768}, CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256},
		}
		for i := range config.Certificates {
			if hello.SupportsCertificate(&config.Certificates[i]) == nil {
				return i
			}
		}
		return -1
	}
	if got := shown(tls.Ed25519, tls.ECDSAWithP256AndSHA256); got != 0 {
		t.Errorf("a client that knows Ed25519 is shown certificate %d", got)
	}
	if got := shown(tls.ECDSAWithP256AndSHA256); got != 1 {
		t.Errorf("a client that does not is shown certificate %d", got)
	}
}
