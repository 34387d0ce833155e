// Types are left out by Svelte itself; styles are plain CSS: nothing to preprocess.
export default { compilerOptions: { runes: true } }
