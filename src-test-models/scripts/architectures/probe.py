"""Tiny configurations of decoders."""
import sys,torch
import transformers as T
T.logging.set_verbosity_error()
B=dict(vocab_size=97,hidden_size=32,num_hidden_layers=2,num_attention_heads=4,max_position_embeddings=64,bos_token_id=0,eos_token_id=None,pad_token_id=0)
KV=dict(num_key_value_heads=2)
def mk(cls,**k):
    def f(attn='eager'):
        C=getattr(T,cls.replace('ForCausalLM','Config').replace('LMHeadModel','Config').replace('Model','Config') if not k.get('_cfg') else k['_cfg'])
        kk={x:y for x,y in k.items() if x!='_cfg'}
        m=getattr(T,cls)(C(**kk,attn_implementation=attn))
        if any(x in cls for x in ('Moe','Mixtral','Olmoe','Deepseek','GptOss')):
            m.config._experts_implementation='batched_mm'
        return m
    return f
M={
'gemma2':mk('Gemma2ForCausalLM',**B,**KV,intermediate_size=48,head_dim=8,sliding_window=4,query_pre_attn_scalar=16),
'gemma3':mk('Gemma3ForCausalLM',_cfg='Gemma3TextConfig',**B,**KV,intermediate_size=48,head_dim=8,sliding_window=4,query_pre_attn_scalar=16,layer_types=['sliding_attention','full_attention']),
'qwen2':mk('Qwen2ForCausalLM',**B,**KV,intermediate_size=48),
'qwen3':mk('Qwen3ForCausalLM',**B,**KV,intermediate_size=48,head_dim=8),
'mistral':mk('MistralForCausalLM',**B,**KV,intermediate_size=48,sliding_window=4),
'mixtral':mk('MixtralForCausalLM',**B,**KV,intermediate_size=48,num_local_experts=4,num_experts_per_tok=2),
'qwen2_moe':mk('Qwen2MoeForCausalLM',**B,**KV,intermediate_size=48,num_experts=4,num_experts_per_tok=2,moe_intermediate_size=24,shared_expert_intermediate_size=24),
'olmoe':mk('OlmoeForCausalLM',**B,**KV,intermediate_size=24,num_experts=4,num_experts_per_tok=2),
'phi':mk('PhiForCausalLM',**B,intermediate_size=64),
'phi3':mk('Phi3ForCausalLM',**B,**KV,intermediate_size=48,original_max_position_embeddings=64),
'olmo2':mk('Olmo2ForCausalLM',**B,**KV,intermediate_size=48),
'cohere':mk('CohereForCausalLM',**B,**KV,intermediate_size=48,use_qk_norm=True),
'stablelm':mk('StableLmForCausalLM',**B,**KV,intermediate_size=48,use_qkv_bias=True),
'starcoder2':mk('Starcoder2ForCausalLM',**B,**KV,intermediate_size=48),
'granite':mk('GraniteForCausalLM',**B,**KV,intermediate_size=48,embedding_multiplier=2.0,residual_multiplier=0.7,attention_multiplier=0.5,logits_scaling=1.5),
'opt':mk('OPTForCausalLM',**B,ffn_dim=64,word_embed_proj_dim=32,dropout=0.0),
'opt_post':mk('OPTForCausalLM',**B,ffn_dim=64,word_embed_proj_dim=24,do_layer_norm_before=False,dropout=0.0),
'bloom':mk('BloomForCausalLM',vocab_size=97,hidden_size=32,n_layer=2,n_head=4,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'falcon':mk('FalconForCausalLM',**B,multi_query=True,alibi=False,new_decoder_architecture=False,parallel_attn=True),
'falcon_alibi':mk('FalconForCausalLM',**B,multi_query=False,alibi=True,new_decoder_architecture=False,parallel_attn=False),
'falcon_new':mk('FalconForCausalLM',**B,num_kv_heads=2,alibi=False,new_decoder_architecture=True),
'mpt':mk('MptForCausalLM',vocab_size=97,d_model=32,n_layers=2,n_heads=4,max_seq_len=64),
'gptj':mk('GPTJForCausalLM',vocab_size=97,n_embd=32,n_layer=2,n_head=4,n_positions=64,rotary_dim=4,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'codegen':mk('CodeGenForCausalLM',vocab_size=97,n_embd=32,n_layer=2,n_head=4,n_positions=64,n_ctx=64,rotary_dim=4,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'gpt_bigcode':mk('GPTBigCodeForCausalLM',vocab_size=97,n_embd=32,n_layer=2,n_head=4,n_positions=64,multi_query=True,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'gpt_neo':mk('GPTNeoForCausalLM',vocab_size=97,hidden_size=32,num_layers=2,num_heads=4,max_position_embeddings=64,attention_types=[[["global","local"],1]],window_size=4,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'xglm':mk('XGLMForCausalLM',vocab_size=97,d_model=32,num_layers=2,attention_heads=4,ffn_dim=64,max_position_embeddings=64,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'biogpt':mk('BioGptForCausalLM',**B,intermediate_size=64),
'glm':mk('GlmForCausalLM',**B,**KV,intermediate_size=48,head_dim=8),
'nemotron':mk('NemotronForCausalLM',**B,**KV,intermediate_size=48),
'deepseek_v2':mk('DeepseekV2ForCausalLM',**B,num_key_value_heads=4,intermediate_size=48,kv_lora_rank=16,q_lora_rank=None,qk_rope_head_dim=4,qk_nope_head_dim=4,v_head_dim=8,n_routed_experts=4,n_shared_experts=1,num_experts_per_tok=2,moe_intermediate_size=24,first_k_dense_replace=1,n_group=1,topk_group=1),
'deepseek_v3':mk('DeepseekV3ForCausalLM',**B,num_key_value_heads=4,intermediate_size=48,kv_lora_rank=16,q_lora_rank=16,qk_rope_head_dim=4,qk_nope_head_dim=4,v_head_dim=8,n_routed_experts=4,n_shared_experts=1,num_experts_per_tok=2,moe_intermediate_size=24,first_k_dense_replace=1,n_group=1,topk_group=1),
'gpt_oss':mk('GptOssForCausalLM',**B,**KV,intermediate_size=24,head_dim=8,num_local_experts=4,num_experts_per_tok=2,sliding_window=4,layer_types=['sliding_attention','full_attention'],rope_parameters={'rope_type':'default','rope_theta':10000.0}),
'mamba':mk('MambaForCausalLM',vocab_size=97,hidden_size=32,state_size=8,num_hidden_layers=2,expand=2,conv_kernel=4,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'mamba2':mk('Mamba2ForCausalLM',vocab_size=97,hidden_size=32,state_size=8,num_hidden_layers=2,expand=2,conv_kernel=4,num_heads=4,head_dim=16,n_groups=1,chunk_size=8,bos_token_id=0,eos_token_id=None,pad_token_id=0),
'rwkv':mk('RwkvForCausalLM',vocab_size=97,hidden_size=32,num_hidden_layers=2,attention_hidden_size=32,context_length=64,bos_token_id=0,eos_token_id=None),
'recurrent_gemma':mk('RecurrentGemmaForCausalLM',**{k:v for k,v in B.items() if k!='max_position_embeddings'},num_key_value_heads=1,intermediate_size=96,lru_width=32,attention_window_size=8),
'xlnet':mk('XLNetLMHeadModel',vocab_size=97,d_model=32,n_layer=2,n_head=4,d_inner=64),
}
if __name__=='__main__':
    for n in (sys.argv[1].split(',') if len(sys.argv)>1 else M):
        try:
            m=M[n]().eval()
            x=torch.randint(1,97,(2,7))
            y=m(x)
            print('==',n,'params',sum(p.numel() for p in m.parameters()))
            if len(sys.argv)>1:
                for k,mod in m.named_modules(): print('   ',k,type(mod).__name__)
        except Exception as e: print('FAIL',n,type(e).__name__,str(e)[:300])
