/**
 * SIGTERM and Ctrl-C ask for a drain. Asking twice changes nothing: npm passes on a signal that the terminal has already
 * sent to the whole group, and a drain that is cut short would lose answers.
 */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Resolves to the first signal; later ones are swallowed. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
  });
}
