package item

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/fnv"

	"journeys/internal/ident"
)

// GraphText returns a graph's name in base64url: 22 characters instead of 32.
func GraphText(hash string) (string, error) {
	b, err := hex.DecodeString(hash)
	if err != nil {
		return "", fmt.Errorf("dynamo: graph hash: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// GraphHash is the inverse of GraphText.
func GraphHash(text string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return hex.EncodeToString(b), err
}

// DueShard returns the shard of a customer in a journey's part of the due index.
func DueShard(customer string, shards int) int { return hashShard(customer, shards) }

// FoldShard returns the shard of a journey's figures in the due index.
func FoldShard(id ident.ID) int { return hashShard(string(id), FoldShards) }

func hashShard(name string, shards int) int {
	sum := fnv.New64a()
	sum.Write([]byte(name))
	return int(sum.Sum64() % uint64(max(shards, 1)))
}

// FenceName returns a pseudonym of a customer for a fence item: of a guessed id it shows
// whether the customer was forgotten.
func FenceName(t ident.Tenant, customer string) string {
	sum := sha256.Sum256([]byte(CustomerPK(t, customer)))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// NamesKey returns the key of the names that a tenant's callers use.
func NamesKey(t ident.Tenant) Item { return Key(tenantPrefix(t), "NAMES") }

// CreateKey is the IdempotencyKey of a call that creates a journey.
func CreateKey(t ident.Tenant, name string) Item { return IdempotencyKey(t, "create", name) }
