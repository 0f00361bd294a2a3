/** The tab that an address names; the first where it names none, or one that is not here for whoever looks. */
export function tabOf(wanted: string | null, tabs: readonly string[]): string {
  return wanted !== null && tabs.includes(wanted) ? wanted : (tabs[0] ?? "");
}
