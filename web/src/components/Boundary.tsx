// A page that fails to draw says so and leaves the rest standing.
import { Container } from "@mantine/core";
import { Component, type ReactNode } from "react";

import { Failure } from "./Failure";

export class Boundary extends Component<{ children: ReactNode; name: string }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: { name: string }): void {
    if (before.name !== this.props.name && this.state.error !== null) this.setState({ error: null });
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children;
    return (
      <Container size="sm" py="xl">
        <Failure error={this.state.error} retry={() => this.setState({ error: null })} />
      </Container>
    );
  }
}
