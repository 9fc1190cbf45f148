package objects

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Prefixes of the addresses of buckets: s3+https://HOST[:PORT]/BUCKET[/PREFIX].
const (
	schemeS3      = "s3+https://"
	schemeS3Plain = "s3+http://" // of a store on the same machine
)

// bucket is a store in a bucket of an S3-compatible service.
type bucket struct {
	client  *minio.Client
	name    string
	prefix  string // ends at a slash, or is empty
	address string
}

var _ Store = (*bucket)(nil)

// Open returns the store at an address: a directory, or a bucket as s3+https://HOST/BUCKET/PREFIX.
// Credentials for a bucket are those of the environment (AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY; the region is AWS_REGION), of ~/.aws/credentials, or of the machine's role. It connects to nobody yet.
func Open(address string, transport http.RoundTripper) (Store, error) {
	if !strings.HasPrefix(address, schemeS3) && !strings.HasPrefix(address, schemeS3Plain) {
		return Directory(address), nil
	}
	u, err := url.Parse(strings.TrimPrefix(address, "s3+"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%.200q is no address of a bucket: give s3+https://HOST/BUCKET/PREFIX, and its credentials in the environment", address)
	}
	name, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if name == "" {
		return nil, fmt.Errorf("%q names no bucket: give s3+https://HOST/BUCKET", address)
	}
	if prefix != "" {
		prefix += "/"
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		}),
		// Given, it is not asked for; and that question, unlike all others, is not tried again.
		Region: cmp.Or(os.Getenv("AWS_REGION"), "us-east-1"),
		Secure: u.Scheme == "https", Transport: transport, MaxRetries: maxS3Tries,
	})
	if err != nil {
		return nil, fmt.Errorf("use %s: %w", address, err)
	}
	return &bucket{client: client, name: name, prefix: prefix, address: address}, nil
}

// maxS3Tries is how often a request is tried that a store puts off.
const maxS3Tries = 5

func (b *bucket) String() string { return b.address }

// Put implements Store. A store shows an object when it has it whole.
func (b *bucket) Put(ctx context.Context, name string, content []byte) error {
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{SendContentMd5: true})
	if err != nil {
		return fmt.Errorf("write %s to %s: %w", name, b.address, err)
	}
	return nil
}

// Get implements Store. What breaks off is an error, and not shorter.
func (b *bucket) Get(ctx context.Context, name string, limit int64) ([]byte, error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, b.failed(name, err)
	}
	content, err := ReadAll(o, limit)
	if err := errors.Join(err, o.Close()); err != nil {
		return nil, b.failed(name, err)
	}
	if info, err := o.Stat(); err == nil && info.Size != int64(len(content)) {
		return nil, fmt.Errorf("read %s of %s: %d of %d bytes came", name, b.address, len(content), info.Size)
	}
	return content, nil
}

func (b *bucket) failed(name string, err error) error {
	if answer, is := errors.AsType[minio.ErrorResponse](err); is && answer.Code == minio.NoSuchKey {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return fmt.Errorf("read %s of %s: %w", name, b.address, err)
}

// List implements Store.
func (b *bucket) List(ctx context.Context, prefix string, fn func(string) error) error {
	ctx, stop := context.WithCancel(ctx) // which ends the listing's goroutine
	defer stop()
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("list %s of %s: %w", prefix, b.address, o.Err)
		}
		if err := fn(strings.TrimPrefix(o.Key, b.prefix)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Remove implements Store.
func (b *bucket) Remove(ctx context.Context, name string) error {
	if err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove %s from %s: %w", name, b.address, err)
	}
	return nil
}
