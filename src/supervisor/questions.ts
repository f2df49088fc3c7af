/** Questions sent to another process, whose answers come later, by number. */
export interface Questions<Answer> {
  /** Sends a question with its number; resolves to null when no answer comes in time. */
  ask(send: (id: number) => void): Promise<Answer | null>;
  answer(id: number, answer: Answer): void;
}

export function createQuestions<Answer>(timeoutMs: number): Questions<Answer> {
  const open = new Map<number, (answer: Answer | null) => void>();
  let nextId = 1;
  return {
    ask(send) {
      const id = nextId++;
      return new Promise((resolve) => {
        const overdue = setTimeout(() => settle(null), timeoutMs);
        function settle(answer: Answer | null): void {
          clearTimeout(overdue);
          open.delete(id);
          resolve(answer);
        }
        open.set(id, settle);
        send(id);
      });
    },
    answer: (id, answer) => open.get(id)?.(answer),
  };
}
