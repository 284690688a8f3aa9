package journey

import (
	"context"
	"fmt"
	"time"
)

// MaxAttributes bounds a customer's attributes: bytes of compact JSON.
const MaxAttributes = 64 * 1024

// PutCustomer stores a customer's attributes, a compact JSON object of at most
// MaxAttributes bytes, in place of those that were.
func (s *Service) PutCustomer(ctx context.Context, t Tenant, customer string, attributes []byte) (Profile, error) {
	p := Profile{Customer: customer, Attributes: attributes, UpdatedAt: s.clock()}
	return p, s.stores.Customers.PutProfile(ctx, t, p)
}

// Customer returns a customer's attributes. ErrNoCustomer when there are none.
func (s *Service) Customer(ctx context.Context, t Tenant, customer string) (Profile, error) {
	return s.stores.Customers.Profile(ctx, t, customer)
}

// Whereabouts is where a customer is in a journey, and how they came there.
type Whereabouts struct {
	Enrollment
	NodeID string
	Path   []PathStep // the present node last
}

// PathStep is a node on a customer's way.
type PathStep struct {
	NodeID    string
	NodeType  NodeType
	EnteredAt time.Time
	Result    string // "" for where they are
}

// Whereabouts returns where a customer is. ErrNotFound when there is no such
// journey, ErrNotEnrolled when they never entered it.
func (s *Service) Whereabouts(ctx context.Context, t Tenant, id ID, customer string) (Whereabouts, error) {
	if _, err := s.stores.Journeys.Journey(ctx, t, id); err != nil {
		return Whereabouts{}, err
	}
	e, err := s.stores.Enrollments.Enrollment(ctx, t, id, customer)
	if err != nil {
		return Whereabouts{}, err
	}
	graph, err := s.graphOf(ctx, t, e)
	if err != nil {
		return Whereabouts{}, err
	}
	return e.whereabouts(graph), nil
}

// graphOf returns the graph that e follows. ErrDamaged when that cannot be read,
// or e is at none of its nodes.
func (s *Service) graphOf(ctx context.Context, t Tenant, e Enrollment) (*Graph, error) {
	d, err := s.definition(ctx, t, Journey{ID: e.Journey, GraphHash: e.GraphHash})
	if err == nil {
		err = d.Graph.CheckNode(e)
	}
	return d.Graph, err
}

// CheckNode returns an ErrDamaged when e is at none of the graph's nodes. Nothing
// else here may be asked about such a one.
func (g *Graph) CheckNode(e Enrollment) error {
	if e.Node < 0 || e.Node >= g.Len() {
		return fmt.Errorf("%w: the enrollment is at node %d of %d", ErrDamaged, e.Node, g.Len())
	}
	return nil
}

func (e Enrollment) whereabouts(g *Graph) Whereabouts {
	w := Whereabouts{Enrollment: e, NodeID: g.NodeID(e.Node)}
	visits := e.Path.Visits(e.EnrolledAt)
	if e.Status != Completed {
		visits = append(visits, Visit{Node: e.Node, EnteredAt: e.Since})
	}
	for _, visit := range visits {
		w.Path = append(w.Path, PathStep{
			NodeID: g.NodeID(visit.Node), NodeType: g.NodeType(visit.Node),
			EnteredAt: visit.EnteredAt, Result: visit.Result.String(),
		})
	}
	return w
}
