/** A file of tests that cannot be loaded, for mutation_test.ts. */
throw new Error("while loading");
