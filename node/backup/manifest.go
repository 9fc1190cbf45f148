package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/objects"
)

const (
	manifestVersion = 1
	manifestPrefix  = "manifests/"
	partPrefix      = "parts/"
	// maxManifest bounds what is read of a manifest: 100 bytes a blob.
	maxManifest = 512 << 20
	// maxPart bounds a part: a presence is the longest blob.
	maxPart = 512 << 20
)

var (
	// ErrManifest is returned for a manifest that is malformed, or is not of the cluster.
	ErrManifest = errors.New("unusable backup manifest")
	// ErrDamaged is returned for a backup of which something is missing or was changed.
	ErrDamaged = errors.New("damaged backup")
	// ErrNone is returned where there is no backup.
	ErrNone = errors.New("no backup")
)

// Part is a piece of the ledger's stream, or a blob.
type Part struct {
	Digest catalog.Digest `json:"digest"`
	Bytes  int64          `json:"bytes"`
}

// object is the part's name in a store, among those that are encrypted to the same recipients.
func (p Part) object(recipients string) string {
	d := p.Digest.String()
	return fmt.Sprintf("%s%s/%s.%d.age", partsTo(recipients), d[:2], d, p.Bytes)
}

// partsTo begins the names of all parts that are encrypted to the same recipients.
func partsTo(recipients string) string { return partPrefix + recipients + "/" }

// recipientsName tells sets of recipients apart. A part that was encrypted to others is none of
// a backup for these: who reads the one may not read the other.
func recipientsName(to []age.Recipient) string {
	var texts []string
	for _, r := range to {
		texts = append(texts, fmt.Sprint(r))
	}
	slices.Sort(texts)
	return catalog.Sum([]byte(strings.Join(slices.Compact(texts), "\n"))).String()[:16]
}

var recipientsForm = regexp.MustCompile("^[0-9a-f]{16}$")

// parsePart is the inverse of object, for nothing else than what object wrote.
func parsePart(recipients, name string) (p Part, ok bool) {
	digest, rest, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ".")
	if _, err := fmt.Sscanf(rest, "%d.age", &p.Bytes); err != nil {
		return p, false
	}
	d, err := catalog.ParseDigest(digest)
	p.Digest = d
	return p, err == nil && p.object(recipients) == name
}

// Manifest says what one backup is made of. Nothing in it is secret.
type Manifest struct {
	Version int            `json:"v"`
	Cluster catalog.Digest `json:"cluster"`
	Made    int64          `json:"made"` // Unix milliseconds, of the clock of who made it
	// Size is how many entries the ledger had, and Root what their evidence log came to.
	Size uint64         `json:"size"`
	Root catalog.Digest `json:"root"`
	// Checkpoint is of exactly that size, signed by a threshold of the nodes of Roster.
	Checkpoint string `json:"checkpoint"`
	// Roster has the founding and the changes of the roster since.
	Roster []catalog.Envelope `json:"roster"`
	// Recipients tells to whom the parts are encrypted, as a hash: recipientsName.
	Recipients string `json:"recipients"`
	Ledger     []Part `json:"ledger"` // of the stream, in its order
	Blobs      []Part `json:"blobs"`  // ascending digests
}

// Name is what people call the backup, and its manifest's name in a store.
func (m Manifest) Name() string {
	return fmt.Sprintf("%s-%d-%s", time.UnixMilli(m.Made).UTC().Format("20060102T150405.000Z"), m.Size, m.Root.String()[:8])
}

// Bytes is how long all parts are, before they are sealed.
func (m Manifest) Bytes() (n int64) {
	for _, p := range slices.Concat(m.Ledger, m.Blobs) {
		n += p.Bytes
	}
	return n
}

// parseManifest reads a manifest. What it says is checked by check.
func parseManifest(b []byte) (m Manifest, err error) {
	if err := catalog.DecodeStrict(bytes.TrimSpace(b), &m); err != nil {
		return m, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.Version != manifestVersion {
		return m, fmt.Errorf("%w: version %d, this program reads version %d", ErrManifest, m.Version, manifestVersion)
	}
	return m, nil
}

// Rosters are the cluster as it was founded and after each change, proved by the signatures of
// the seats' operators.
func (m Manifest) Rosters() ([]catalog.Cluster, error) {
	rosters, err := attest.Rosters(m.Cluster, m.Roster)
	if err != nil {
		return nil, fmt.Errorf("%w: read the roster: %w", ErrManifest, err)
	}
	return rosters, nil
}

// Check compares what the manifest says with what is signed. cluster is the one that it must be
// of; zero: whichever it says.
func (m Manifest) Check(cluster catalog.Digest) error {
	if !cluster.IsZero() && m.Cluster != cluster {
		return fmt.Errorf("%w: it is of cluster %s, not of %s: give that cluster's profile, or the archive of this one", ErrManifest, m.Cluster, cluster)
	}
	rosters, err := m.Rosters()
	if err != nil {
		return err
	}
	trust := TrustIn(rosters)
	signed, err := trust.Open([]byte(m.Checkpoint), trust.Threshold)
	if err != nil {
		return fmt.Errorf("%w: its checkpoint: %w", ErrManifest, err)
	}
	if signed.Size != m.Size || catalog.Digest(signed.Root) != m.Root {
		return fmt.Errorf("%w: its checkpoint is of %d entries with the root %s, and it of %d with %s", ErrManifest,
			signed.Size, catalog.Digest(signed.Root), m.Size, m.Root)
	}
	if !recipientsForm.MatchString(m.Recipients) {
		return fmt.Errorf("%w: it does not say to whom it is encrypted", ErrManifest)
	}
	if len(m.Ledger) == 0 {
		return fmt.Errorf("%w: it has no ledger", ErrManifest)
	}
	for i, p := range m.Blobs {
		if i > 0 && bytes.Compare(m.Blobs[i-1].Digest[:], p.Digest[:]) >= 0 {
			return fmt.Errorf("%w: blob %s is out of order", ErrManifest, p.Digest)
		}
	}
	for _, p := range slices.Concat(m.Ledger, m.Blobs) {
		if p.Bytes < 0 || p.Bytes > maxPart {
			return fmt.Errorf("%w: part %s has %d bytes, at most %d are possible", ErrManifest, p.Digest, p.Bytes, maxPart)
		}
	}
	return nil
}

// TrustIn is what checkpoints are verified against: the keys of all machines that were ever in
// the roster's seats, of which as many seats as the threshold must have signed.
func TrustIn(rosters []catalog.Cluster) evidence.Trust {
	last := rosters[len(rosters)-1]
	t := evidence.Trust{Origin: evidence.Origin(last.ID.String()), Threshold: last.Threshold}
	for _, c := range rosters {
		for _, n := range c.Nodes {
			if last.Roster().Point(n.ID) == 0 {
				continue // its seat was given up: what it signs counts no more
			}
			if !slices.ContainsFunc(t.Nodes, func(x evidence.Node) bool { return x.ID == n.ID && x.Key.Equal(asKey(n.Key)) }) {
				t.Nodes = append(t.Nodes, evidence.Node{ID: n.ID, Key: n.Key})
			}
		}
	}
	return t
}

// Read reads the manifest of the backup with that name; an empty name is the newest one.
func Read(ctx context.Context, s objects.Store, name string) (Manifest, error) {
	if name == "" {
		list, err := objects.Names(ctx, s, manifestPrefix)
		if err != nil {
			return Manifest{}, err
		}
		if len(list) == 0 {
			return Manifest{}, fmt.Errorf("%w in %s: make one with `weir operator backup create %s`", ErrNone, s, s)
		}
		name = strings.TrimSuffix(strings.TrimPrefix(list[len(list)-1], manifestPrefix), ".json")
	}
	b, err := s.Get(ctx, manifestPrefix+name+".json", maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%w %q in %s: `weir operator backup list %s` shows those that there are", ErrNone, name, s, s)
	}
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(b)
	if err == nil && m.Name() != name {
		err = fmt.Errorf("%w: it is of backup %s", ErrManifest, m.Name())
	}
	if err != nil {
		return m, fmt.Errorf("read backup %s: %w", name, err)
	}
	return m, nil
}

// List reads the manifests of all backups, the oldest first. One that cannot be read is told to
// unreadable, and left out.
func List(ctx context.Context, s objects.Store, unreadable func(error)) (all []Manifest, err error) {
	list, err := objects.Names(ctx, s, manifestPrefix)
	if err != nil {
		return nil, err
	}
	for _, object := range list {
		m, err := Read(ctx, s, strings.TrimSuffix(strings.TrimPrefix(object, manifestPrefix), ".json"))
		if errors.Is(err, ErrManifest) {
			unreadable(err)
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (m Manifest) write(ctx context.Context, s objects.Store) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	if err := s.Put(ctx, manifestPrefix+m.Name()+".json", append(b, '\n')); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}
